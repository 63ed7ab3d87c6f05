/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Formatted text to the 16550 UART by polling. Runs as the guest's kernel, in 32- and 64-bit code; never enables interrupts. */
#include <stdarg.h>

#include "tests/guests/lib.h"

#define UART_DATA	0x3f8
#define UART_LSR	0x3fd
#define LSR_THRE	0x20

static void char_print(char c)
{
	if (c == '\n')
		char_print('\r');
	while (!(port_read8(UART_LSR) & LSR_THRE))
		;
	port_write8(UART_DATA, (uint8_t)c);
}

/* 64 by 10 bits in 32-bit code too, where the compiler would call a library that is not there. */
static unsigned divide_by(uint64_t *v, uint32_t base)
{
	uint32_t high = (uint32_t)(*v >> 32), low = (uint32_t)*v, rest = high % base, quotient;

	__asm__("divl %4" : "=a"(quotient), "=d"(rest) : "0"(low), "1"(rest), "r"(base));
	*v = (uint64_t)(high / base) << 32 | quotient;
	return rest;
}

static void number_print(uint64_t v, uint32_t base, bool negative, int width, char pad)
{
	char text[24];
	int n = 0;

	do
		text[n++] = "0123456789abcdef"[divide_by(&v, base)];
	while (v);
	if (negative)
		text[n++] = '-';
	for (; width > n; width--)
		char_print(pad);
	while (n)
		char_print(text[--n]);
}

static void string_print(const char *s, int width)
{
	for (; *s; s++, width--)
		char_print(*s);
	for (; width > 0; width--)
		char_print(' ');
}

static uint64_t argument_read(va_list *args, int longs, bool is_signed)
{
	if (longs >= 2)
		return va_arg(*args, unsigned long long);
	if (longs == 1)
		return is_signed ? (uint64_t)va_arg(*args, long) : va_arg(*args, unsigned long);
	return is_signed ? (uint64_t)va_arg(*args, int) : va_arg(*args, unsigned);
}

static void format_print(const char *f, va_list *args)
{
	for (; *f; f++) {
		int width = 0, longs = 0;
		char pad = ' ';
		uint64_t v;

		if (*f != '%') {
			char_print(*f);
			continue;
		}
		f++;
		for (; *f == '-'; f++)
			;		/* strings are padded on the right anyway */
		if (*f == '0')
			pad = *f++;
		for (; *f >= '0' && *f <= '9'; f++)
			width = width * 10 + *f - '0';
		for (; *f == 'l'; f++)
			longs++;
		switch (*f) {
		case 's':
			string_print(va_arg(*args, const char *), width);
			break;
		case 'c':
			char_print((char)va_arg(*args, int));
			break;
		case 'd':
			v = argument_read(args, longs, true);
			number_print((int64_t)v < 0 ? -v : v, 10, (int64_t)v < 0, width, pad);
			break;
		case 'u':
			number_print(argument_read(args, longs, false), 10, false, width, pad);
			break;
		case 'x':
			number_print(argument_read(args, longs, false), 16, false, width, pad);
			break;
		default:
			char_print(*f);
		}
	}
}

void print(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	format_print(format, &args);
	va_end(args);
}

void panic(const char *format, ...)
{
	va_list args;

	print("FAILED: ");
	va_start(args, format);
	format_print(format, &args);
	va_end(args);
	print("\n");
	guest_exit(1);
}
