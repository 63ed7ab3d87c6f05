/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The report of a VM that a fault has stopped: registers, paging, the bytes at RIP decoded. Process trapd, the vCPU's own
 * thread.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trapd/cpu/gva.h"
#include "trapd/insn/insn.h"
#include "trapd/trap/vcpu_priv.h"

#define REPORT_BYTES 4096u

struct text { char *at; size_t left; };

static void add(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void add(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->at, t->left, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= t->left)
		n = (int)strlen(t->at);
	t->at += n;
	t->left -= (size_t)n;
}

static void add_gprs(struct text *t, const struct cpu_state *c)
{
	static const char *const names[GPR_COUNT] = { "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
						      "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15" };
	unsigned n = cpu_long_mode(c) ? GPR_COUNT : 8;

	for (unsigned i = 0; i < n; i++)
		add(t, "%-3s %016llx%s", names[i], (unsigned long long)c->gpr[i], i % 4 == 3 ? "\n" : "  ");
}

static void add_segments(struct text *t, const struct cpu_state *c)
{
	static const char *const names[SREG_COUNT] = { "es", "cs", "ss", "ds", "fs", "gs" };

	for (unsigned i = 0; i < SREG_COUNT; i++)
		add(t, "%s %04x base %llx limit %x%s", names[i], c->seg[i].selector, (unsigned long long)c->seg[i].base,
		    c->seg[i].limit, i % 3 == 2 ? "\n" : "  ");
	add(t, "gdt %llx+%x  idt %llx+%x  tr %04x base %llx\n", (unsigned long long)c->gdtr.base, c->gdtr.limit,
	    (unsigned long long)c->idtr.base, c->idtr.limit, c->tr.selector, (unsigned long long)c->tr.base);
}

static void add_code(struct text *t, const struct vcpu *v)
{
	uint8_t bytes[15];
	uint64_t base = cpu_code64(&v->cpu) ? 0 : v->cpu.seg[SREG_CS].base;
	unsigned n = gva_peek(v, base + v->cpu.rip, bytes, sizeof(bytes));
	unsigned bits = cpu_code64(&v->cpu) ? 64 : v->cpu.seg[SREG_CS].db ? 32 : 16;
	char said[INSN_TEXT];
	struct insn in;

	add(t, "code at rip:");
	for (unsigned i = 0; i < n; i++)
		add(t, " %02x", bytes[i]);
	if (!n)
		add(t, " not readable");
	else if (insn_decode(bytes, n, bits, v->cpu.rip, &in))
		add(t, "  (not an instruction)");
	else {
		insn_text(&in, bits, v->cpu.rip, said, sizeof(said));
		add(t, "  %s", said);
	}
	add(t, "\n");
}

char *report_vcpu(struct vcpu *v)
{
	static const char *const paging[] = { "unpaged", "32-bit", "PAE", "4-level" };
	const struct cpu_state *c = &v->cpu;
	char *buffer = malloc(REPORT_BYTES);
	struct text t = { buffer, REPORT_BYTES };

	if (!buffer)
		return NULL;
	add(&t, "vcpu %u  %s code, %s paging, cpl %u\n", v->index, cpu_code64(c) ? "64-bit" : c->seg[SREG_CS].db ? "32-bit" : "16-bit",
	    paging[v->walk.paging], c->cpl);
	add(&t, "rip %016llx  rflags %08llx\n", (unsigned long long)c->rip, (unsigned long long)c->rflags);
	add_gprs(&t, c);
	add(&t, "cr0 %08llx  cr2 %016llx  cr3 %016llx  cr4 %08llx  efer %04llx\n", (unsigned long long)c->cr0,
	    (unsigned long long)c->cr2, (unsigned long long)c->cr3, (unsigned long long)c->cr4, (unsigned long long)c->efer);
	add_segments(&t, c);
	if (v->priv)
		add(&t, "last trap: vector %u error %x real cr2 %016llx\n", v->priv->vector, v->priv->error,
		    (unsigned long long)v->priv->real_cr2);
	add_code(&t, v);
	return buffer;
}
