/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Dates for the real-time clock, see rtc_date.h. Own arithmetic, because the C library's would look for time zone files.
 * Process trapd, any thread; keeps no state. Source: Motorola MC146818A data sheet, "Time, calendar, and alarm locations".
 */
#include "trapd/devices/rtc_date.h"

enum { SECONDS = 0, MINUTES = 2, HOURS = 4, WEEKDAY = 6, DAY, MONTH, YEAR, CENTURY };
#define PM 0x80u

const int rtc_byte_reg[RTC_BYTES] = { 0, -1, 2, -1, 4, -1, 6, 7, 8, 9, 0x32 };

static uint8_t digits(unsigned value, uint8_t b)
{
	return (uint8_t)(b & RTC_BINARY ? value : value / 10 << 4 | value % 10);
}

static unsigned number(uint8_t byte, uint8_t b)
{
	return b & RTC_BINARY ? byte : (byte >> 4) * 10u + (byte & 15u);
}

/* Days from 1970-01-01 to the first of a month (1 to 12, or beyond). Years count from March, so the leap day comes last. */
static int64_t days_to(int64_t year, int64_t month)
{
	int64_t y = year + (month - 3 + 1200) / 12 - 100, m = (month - 3 + 1200) % 12;

	return y * 365 + y / 4 - y / 100 + y / 400 + (m * 153 + 2) / 5 - 719468;
}

void rtc_date_encode(int64_t seconds, uint8_t b, uint8_t bytes[RTC_BYTES])
{
	int64_t days = seconds / 86400, year = 1970 + days / 366;
	unsigned rest = (unsigned)(seconds % 86400), hour = rest / 3600, month = 1;

	while (days_to(year + 1, 1) <= days)
		year++;
	while (month < 12 && days_to(year, month + 1) <= days)
		month++;
	for (unsigned i = 0; i < RTC_BYTES; i++)
		bytes[i] = 0;
	bytes[SECONDS] = digits(rest % 60, b);
	bytes[MINUTES] = digits(rest / 60 % 60, b);
	bytes[HOURS] = b & RTC_24H ? digits(hour, b) : (uint8_t)(digits((hour + 11) % 12 + 1, b) | (hour >= 12 ? PM : 0));
	bytes[WEEKDAY] = digits((unsigned)((days + 4) % 7) + 1, b);	/* 1 is Sunday */
	bytes[DAY] = digits((unsigned)(days - days_to(year, month)) + 1, b);
	bytes[MONTH] = digits(month, b);
	bytes[YEAR] = digits((unsigned)(year % 100), b);
	bytes[CENTURY] = (uint8_t)(year / 100 / 10 << 4 | year / 100 % 10);	/* not the chip's: always BCD */
}

int64_t rtc_date_decode(const uint8_t bytes[RTC_BYTES], uint8_t b)
{
	int64_t year = number(bytes[CENTURY], 0) * 100 + number(bytes[YEAR], b), days;
	unsigned hour = b & RTC_24H ? number(bytes[HOURS], b) : number(bytes[HOURS] & ~PM, b) % 12 + (bytes[HOURS] & PM ? 12 : 0);

	if (year < 1970)
		year = 1970;
	days = days_to(year, number(bytes[MONTH], b)) + number(bytes[DAY], b) - 1;
	return (days < 0 ? 0 : days) * 86400 + hour * 3600 + number(bytes[MINUTES], b) * 60 + number(bytes[SECONDS], b);
}
