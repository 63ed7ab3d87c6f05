/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VmInfo and Stats as JSON and text, see vm_info.h. */
#include "ctl/vm_info.h"

#include <inttypes.h>

#include "ctl/cmd.h"
#include "ctl/cmd_table.h"
#include "ctl/daemon.h"
#include "ctl/durations.h"

const char *vm_info_size_text(uint64_t bytes, char *buf, size_t size)
{
	if (bytes && !(bytes & ((1u << 20) - 1)))
		snprintf(buf, size, "%" PRIu64 "M", bytes >> 20);
	else
		snprintf(buf, size, "%" PRIu64, bytes);
	return buf;
}

static json_t *counters_json(size_t n, Shadowpool__Counter *const *counters)
{
	json_t *o = json_object();
	size_t i;

	for (i = 0; i < n; i++)
		json_object_set_new(o, counters[i]->name, json_integer((json_int_t)counters[i]->value));
	return o;
}

/* Numbers of the bits that are set in words of width bits. */
static json_t *bits_json(size_t n, const uint32_t *words, unsigned width)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n * width; i++)
		if (words[i / width] >> i % width & 1)
			json_array_append_new(list, json_integer((json_int_t)i));
	return list;
}

static json_t *vcpus_json(const Shadowpool__VmInfo *vm)
{
	json_t *list = json_array();

	for (size_t i = 0; i < vm->n_vcpu_states; i++) {
		const Shadowpool__VcpuState *v = vm->vcpu_states[i];

		json_array_append_new(list, json_pack("{s:I,s:b,s:b,s:b,s:I,s:o,s:o}", "index", (json_int_t)v->index,
						      "interrupt_flag", (int)v->interrupt_flag, "halted", (int)v->halted,
						      "apic_enabled", (int)v->apic_enabled,
						      "task_priority", (json_int_t)v->task_priority,
						      "requested", bits_json(v->n_requested, v->requested, 32),
						      "in_service", bits_json(v->n_in_service, v->in_service, 32)));
	}
	return list;
}

static json_t *pic_json(const Shadowpool__PicState *p)
{
	if (!p)
		return json_null();
	return json_pack("{s:o,s:o,s:o}", "masked", bits_json(1, &p->masked, 16), "requested", bits_json(1, &p->requested, 16),
			 "in_service", bits_json(1, &p->in_service, 16));
}

json_t *vm_info_json(const Shadowpool__VmInfo *vm)
{
	return json_pack("{s:o,s:o,s:I,s:I,s:o,s:o,s:I,s:i,s:o,s:o,s:o,s:i,s:o,s:o,s:o,s:o,s:o}",
			 "name", cmd_json_string(vm->name), "state", cmd_json_string(vm->state),
			 "mem_bytes", (json_int_t)vm->mem_bytes, "pool_bytes", (json_int_t)vm->pool_bytes,
			 "pool_page_size", cmd_json_string(vm->pool_page_size), "pool", cmd_json_string(vm->pool),
			 "epoch", (json_int_t)vm->epoch, "vcpus", (int)vm->vcpus, "image", cmd_json_string(vm->image),
			 "cmdline", cmd_json_string(vm->cmdline), "stop_reason", cmd_json_string(vm->stop_reason),
			 "exit_code", vm->exit_code, "message", cmd_json_string(vm->message),
			 "report", cmd_json_string(vm->report), "facts", counters_json(vm->n_facts, vm->facts),
			 "vcpu_states", vcpus_json(vm), "pic", pic_json(vm->pic));
}

json_t *vm_info_stats_json(const Shadowpool__Stats *stats)
{
	return json_pack("{s:o,s:o,s:o,s:o,s:o,s:I}", "name", cmd_json_string(stats->name),
			 "trapd", counters_json(stats->n_trapd, stats->trapd),
			 "pool", counters_json(stats->n_pool, stats->pool), "durations", durations_json(stats),
			 "pool_page_size", cmd_json_string(stats->pool_page_size),
			 "audit_violations", (json_int_t)stats->audit_violations);
}

static void print_text(FILE *f, const char *key, const char *value)
{
	if (!*value)
		return;
	fprintf(f, "%-15s ", key);
	cmd_print(f, value);
	fputc('\n', f);
}

/* "name 32,33", "name none" */
static void print_bits(FILE *f, const char *name, size_t n, const uint32_t *words, unsigned width)
{
	const char *separator = " ";

	fputs(name, f);
	for (size_t i = 0; i < n * width; i++)
		if (words[i / width] >> i % width & 1) {
			fprintf(f, "%s%zu", separator, i);
			separator = ",";
		}
	fputs(*separator == ',' ? "" : " none", f);
}

static void print_interrupts(FILE *f, const Shadowpool__VmInfo *vm)
{
	for (size_t i = 0; i < vm->n_vcpu_states; i++) {
		const Shadowpool__VcpuState *v = vm->vcpu_states[i];

		fprintf(f, "vcpu %-10" PRIu32 " IF %d%s, APIC %s, task priority %#" PRIx32, v->index, v->interrupt_flag,
			v->halted ? ", halted" : "", v->apic_enabled ? "on" : "off", v->task_priority);
		print_bits(f, ", requested", v->n_requested, v->requested, 32);
		print_bits(f, ", in service", v->n_in_service, v->in_service, 32);
		fputc('\n', f);
	}
	if (!vm->pic)
		return;
	fprintf(f, "%-15s", "pic");
	print_bits(f, " masked", 1, &vm->pic->masked, 16);
	print_bits(f, ", requested", 1, &vm->pic->requested, 16);
	print_bits(f, ", in service", 1, &vm->pic->in_service, 16);
	fputc('\n', f);
}

void vm_info_print(FILE *f, const Shadowpool__VmInfo *vm)
{
	char buf[32];
	size_t i;

	print_text(f, "name", vm->name);
	print_text(f, "state", vm->state);
	print_text(f, "image", vm->image);
	print_text(f, "cmdline", vm->cmdline);
	print_text(f, "mem", vm_info_size_text(vm->mem_bytes, buf, sizeof(buf)));
	print_text(f, "pool size", vm_info_size_text(vm->pool_bytes, buf, sizeof(buf)));
	print_text(f, "pool page size", vm->pool_page_size);
	print_text(f, "pool", vm->pool);
	fprintf(f, "%-15s %" PRIu64 "\n%-15s %u\n", "epoch", vm->epoch, "vcpus", vm->vcpus);
	print_text(f, "stop reason", vm->stop_reason);
	if (*vm->stop_reason)
		fprintf(f, "%-15s %d\n", "exit code", vm->exit_code);
	print_text(f, "message", vm->message);
	for (i = 0; i < vm->n_facts; i++)
		fprintf(f, "%-15s %s=%" PRIu64 "\n", i ? "" : "host", vm->facts[i]->name, vm->facts[i]->value);
	print_interrupts(f, vm);
	if (*vm->report) {
		fprintf(f, "report\n");
		cmd_print(f, vm->report);
		fputc('\n', f);
	}
}

static void print_counters(FILE *f, const char *title, size_t n, Shadowpool__Counter *const *counters)
{
	size_t i;

	fprintf(f, "%s\n", title);
	for (i = 0; i < n; i++)
		fprintf(f, "  %-34s %20" PRIu64 "\n", counters[i]->name, counters[i]->value);
}

void vm_info_stats_print(FILE *f, const Shadowpool__Stats *stats)
{
	json_t *durations;

	print_text(f, "name", stats->name);
	print_text(f, "pool page size", stats->pool_page_size);
	fprintf(f, "audit violations %" PRIu64 "\n", stats->audit_violations);
	print_counters(f, "pool", stats->n_pool, stats->pool);
	print_counters(f, "trapd", stats->n_trapd, stats->trapd);
	durations = durations_json(stats);
	durations_print(f, durations);
	json_decref(durations);
}
