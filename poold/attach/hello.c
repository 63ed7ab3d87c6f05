/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Checks of the attach message: each is a row of a table, in the order in which a person would want to hear of them.
 * poold, the connection's thread, before anything is allocated for the VM.
 */
#include "poold/attach/hello.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/guest_ram.h"
#include "common/x86.h"
#include "poold/trace/policy.h"

#define MIN_POOL_BYTES		(POOL_MIN_PAGES * PAGE_SIZE)
#define DEFAULT_POOL_BYTES	(16ull << 20)
#define MIN_SLOTS		64u
#define MAX_SLOTS		65536u

struct hello_check {
	const struct attach_hello *h;
	const struct poold_config *limits;
	struct guest_ram ram;
	uint64_t pool_bytes;
	char *err;
	size_t err_size;
};

static int __attribute__((format(printf, 3, 4))) refuse(struct hello_check *c, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(c->err, c->err_size, fmt, ap);
	va_end(ap);
	return code;
}

static int check_version(struct hello_check *c)
{
	if (c->h->protocol != ATTACH_PROTOCOL)
		return refuse(c, -EPROTONOSUPPORT,
			      "attach protocol: trapd speaks %u, poold %u; install both from one package",
			      c->h->protocol, ATTACH_PROTOCOL);
	if (c->h->layout_hash != shm_layout_hash())
		return refuse(c, -EPROTONOSUPPORT,
			      "shared-memory layout: trapd has %016llx, poold %016llx; install both from one "
			      "package", (unsigned long long)c->h->layout_hash, (unsigned long long)shm_layout_hash());
	return 0;
}

/* VM names match [a-z0-9][a-z0-9-]{0,31}. */
static int check_name(struct hello_check *c)
{
	size_t len = strnlen(c->h->vm_name, sizeof(c->h->vm_name));
	size_t good = strspn(c->h->vm_name, "abcdefghijklmnopqrstuvwxyz0123456789-");

	if (!len || len > 32 || good != len || c->h->vm_name[0] == '-')
		return refuse(c, -EINVAL, "VM name: must match [a-z0-9][a-z0-9-]{0,31}");
	return 0;
}

static int check_vcpus(struct hello_check *c)
{
	const struct attach_hello *h = c->h;

	if (!h->nvcpu || h->nvcpu > LINK_MAX_VCPUS)
		return refuse(c, -EINVAL, "nvcpu %u: 1 to %u are allowed", h->nvcpu, LINK_MAX_VCPUS);
	if (h->nslots < MIN_SLOTS || h->nslots > MAX_SLOTS || h->nslots & (h->nslots - 1))
		return refuse(c, -EINVAL, "nslots %u: a power of two from %u to %u is allowed", h->nslots, MIN_SLOTS,
			      MAX_SLOTS);
	if (h->last_epoch >> 63)
		return refuse(c, -EINVAL, "last_epoch 0x%llx is out of range", (unsigned long long)h->last_epoch);
	return 0;
}

static int check_ram(struct hello_check *c)
{
	const struct attach_hello *h = c->h;
	uint64_t span;

	c->ram = (struct guest_ram){ .low_end = h->ram_low_end, .high_end = h->ram_high_end };
	span = guest_ram_span(&c->ram);
	if (!h->ram_low_end || h->ram_low_end > GUEST_RAM_LOW_MAX || (h->ram_low_end | h->ram_high_end) & ~PAGE_MASK)
		return refuse(c, -EINVAL, "RAM end 0x%llx: a multiple of 4 KiB up to 0x%llx is allowed",
			      (unsigned long long)h->ram_low_end, GUEST_RAM_LOW_MAX);
	if (h->ram_high_end && (h->ram_high_end <= GUEST_RAM_HIGH_BASE || h->ram_low_end != GUEST_RAM_LOW_MAX))
		return refuse(c, -EINVAL, "RAM end 0x%llx above 4 GiB does not go with 0x%llx below",
			      (unsigned long long)h->ram_high_end, (unsigned long long)h->ram_low_end);
	if (span > c->limits->max_vm_ram)
		return refuse(c, -E2BIG, "RAM up to %llu MiB: poold allows %llu MiB (max-vm-ram)",
			      (unsigned long long)(span >> 20), (unsigned long long)(c->limits->max_vm_ram >> 20));
	return 0;
}

static int check_pool_size(struct hello_check *c)
{
	const struct attach_hello *h = c->h;
	uint64_t bytes = h->pool_bytes;

	if (!bytes) {
		uint64_t ram_bytes = h->ram_low_end + (h->ram_high_end ? h->ram_high_end - GUEST_RAM_HIGH_BASE : 0);

		bytes = ram_bytes / 32 > DEFAULT_POOL_BYTES ? ram_bytes / 32 : DEFAULT_POOL_BYTES;
		bytes = (bytes + HUGEPAGE_SIZE - 1) & ~(HUGEPAGE_SIZE - 1);
		if (bytes > c->limits->max_vm_pool)
			bytes = c->limits->max_vm_pool & ~(HUGEPAGE_SIZE - 1);
	}
	if (bytes < MIN_POOL_BYTES || bytes & (HUGEPAGE_SIZE - 1))
		return refuse(c, -EINVAL, "pool size %llu: a multiple of 2 MiB, at least %llu MiB, is allowed",
			      (unsigned long long)bytes, MIN_POOL_BYTES >> 20);
	if (bytes > c->limits->max_vm_pool)
		return refuse(c, -E2BIG, "pool size %llu MiB: poold allows %llu MiB (max-vm-pool)",
			      (unsigned long long)(bytes >> 20), (unsigned long long)(c->limits->max_vm_pool >> 20));
	if (h->pool_pages > ATTACH_PAGES_4K)
		return refuse(c, -EINVAL, "pool_pages %u is unknown", h->pool_pages);
	c->pool_bytes = bytes;
	return 0;
}

/* All that a shadow entry can name must be machine addresses that such an entry can hold, in separate windows. */
static int check_windows(struct hello_check *c)
{
	const struct attach_hello *h = c->h;
	uint64_t span = guest_ram_span(&c->ram), limit = PTE_ADDR + PAGE_SIZE;

	if (h->ram_maddr & ~PAGE_MASK || h->ram_maddr > limit || span > limit - h->ram_maddr)
		return refuse(c, -EINVAL, "RAM window at 0x%llx is out of range", (unsigned long long)h->ram_maddr);
	if (h->pool_maddr & (HUGEPAGE_SIZE - 1) || h->pool_maddr > limit || c->pool_bytes > limit - h->pool_maddr)
		return refuse(c, -EINVAL, "pool window at 0x%llx is out of range", (unsigned long long)h->pool_maddr);
	if (ranges_overlap(h->pool_maddr, c->pool_bytes, h->ram_maddr, span))
		return refuse(c, -EINVAL, "the windows of RAM (0x%llx) and pool (0x%llx) overlap",
			      (unsigned long long)h->ram_maddr, (unsigned long long)h->pool_maddr);
	if (!h->copies_maddr)
		return 0;
	if (h->copies_maddr & ~PAGE_MASK || h->copies_maddr > limit || span > limit - h->copies_maddr)
		return refuse(c, -EINVAL, "window of copies at 0x%llx is out of range", (unsigned long long)h->copies_maddr);
	if (ranges_overlap(h->copies_maddr, span, h->ram_maddr, span) ||
	    ranges_overlap(h->copies_maddr, span, h->pool_maddr, c->pool_bytes))
		return refuse(c, -EINVAL, "the window of copies (0x%llx) overlaps that of RAM or pool", (unsigned long long)h->copies_maddr);
	return 0;
}

static int check_cpu(struct hello_check *c)
{
	const struct attach_hello *h = c->h;

	if (h->maxphyaddr < 36 || h->maxphyaddr > 52)
		return refuse(c, -EINVAL, "maxphyaddr %u: 36 to 52 are allowed", h->maxphyaddr);
	if (h->stub_slot > 511)
		return refuse(c, -EINVAL, "stub slot %u: 0 to 511 are allowed", h->stub_slot);
	return 0;
}

static int check_switches(struct hello_check *c)
{
	if (c->h->audit > ATTACH_AUDIT_FULL)
		return refuse(c, -EINVAL, "audit %u is unknown", c->h->audit);
	if (c->h->poison && !c->limits->allow_inject)
		return refuse(c, -EPERM, "test hooks are refused; start poold with allow-inject = yes");
	return 0;
}

static int (*const hello_checks[])(struct hello_check *c) = {
	check_version, check_name, check_vcpus, check_ram, check_pool_size, check_windows, check_cpu, check_switches,
};

int hello_check(const struct attach_hello *h, const struct poold_config *limits, struct pool_config *config,
		struct objects_wanted *wanted, char *err, size_t err_size)
{
	struct hello_check c = { .h = h, .limits = limits, .err = err, .err_size = err_size };

	for (size_t i = 0; i < sizeof(hello_checks) / sizeof(hello_checks[0]); i++) {
		int rc = hello_checks[i](&c);

		if (rc)
			return rc;
	}
	*config = (struct pool_config){
		.ram = c.ram, .ram_maddr = h->ram_maddr, .pool_maddr = h->pool_maddr, .copies_maddr = h->copies_maddr,
		.max_pages = (uint32_t)(c.pool_bytes / PAGE_SIZE), .maxphyaddr = (uint8_t)h->maxphyaddr,
		.nvcpu = (uint8_t)h->nvcpu, .stub_slot = (uint16_t)h->stub_slot, .stub_entry = h->stub_entry,
	};
	if (policy_apply(config, POLICY_DEFAULT, err, err_size) ||
	    (limits->policy && policy_apply(config, limits->policy, err, err_size)))
		return -EINVAL;
	*wanted = (struct objects_wanted){
		.ram_span = guest_ram_span(&c.ram), .nvcpu = h->nvcpu, .nslots = h->nslots, .pool_bytes = c.pool_bytes,
		.pool_pages = h->pool_pages == ATTACH_PAGES_AUTO ? (uint32_t)limits->pool_pages : h->pool_pages,
		.tracking_bytes = pool_memory_needed(config),
	};
	if (!wanted->tracking_bytes)
		return refuse(&c, -EINVAL,
			      "the pool library refuses this configuration (stub slot %u, pool of %llu MiB)",
			      h->stub_slot, (unsigned long long)(c.pool_bytes >> 20));
	return 0;
}
