/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Creation and end of a VM. Process trapd; on the control thread.
 * Machine address map: doc/architecture.md.
 */
#include "trapd/vm/vm.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "common/vm_conf.h"
#include "trapd/code/code_pages.h"
#include "trapd/kvm/cpuid.h"
#include "trapd/kvm/selftest.h"
#include "trapd/kvm/stub.h"
#include "trapd/kvm/windows.h"
#include "trapd/link/kick.h"
#include "trapd/link/vcpu_link.h"
#include "trapd/trap/vcpu_priv.h"
#include "trapd/vcpu/startup.h"
#include "trapd/vm/image.h"
#include "trapd/vm/platform.h"

#define STATS_HEADER 64u
#define STATS_BLOCK (((uint64_t)TRAP_STAT_COUNT * 8 + 63) & ~63ull)

static void kick(void *machine)
{
	vcpu_kick_all(machine);
}

static int fail(char *err, size_t err_size, int rc, const char *fmt, ...) __attribute__((format(printf, 4, 5)));

static int fail(char *err, size_t err_size, int rc, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err, err_size, fmt, ap);
	va_end(ap);
	return rc;
}

static int open_kvm(struct vm *vm, char *err, size_t err_size)
{
	const char *cause;

	vm->kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (vm->kvm_fd < 0) {
		cause = errno == ENOENT || errno == ENXIO || errno == ENODEV ? "load the module kvm_intel or kvm_amd, or enable virtualisation" :
			"join the group that owns it (usually kvm) or run as root";
		return fail(err, err_size, -errno, "cannot open /dev/kvm: %s; %s", strerror(errno), cause);
	}
	if (ioctl(vm->kvm_fd, KVM_GET_API_VERSION, 0) != KVM_API_VERSION)
		return fail(err, err_size, -ENOSYS, "/dev/kvm speaks another API version; a Linux kernel from 2.6.22 on is needed");
	if (ioctl(vm->kvm_fd, KVM_CHECK_EXTENSION, KVM_CAP_SYNC_REGS) <= 0)
		return fail(err, err_size, -ENOSYS, "this KVM has no KVM_CAP_SYNC_REGS; a Linux kernel from 4.17 on is needed");
	vm->fd = ioctl(vm->kvm_fd, KVM_CREATE_VM, 0);
	if (vm->fd < 0)
		return fail(err, err_size, -errno, "KVM cannot create a VM: %s; check the kernel log", strerror(errno));
	return 0;
}

static int check_memory(const struct vm_config *c, char *err, size_t err_size)
{
	struct sysinfo si;

	if (!c->mem_bytes || c->mem_bytes % PAGE_SIZE)
		return fail(err, err_size, -EINVAL, "%llu bytes of guest memory are not possible; give a multiple of 4 KiB, such as 64M",
			    (unsigned long long)c->mem_bytes);
	if (c->mem_bytes < (1ull << 20) + PAGE_SIZE)
		return fail(err, err_size, -EINVAL, "%llu bytes of guest memory are too few for any image; give at least 2M",
			    (unsigned long long)c->mem_bytes);
	if (!sysinfo(&si) && c->mem_bytes > (uint64_t)si.totalram * si.mem_unit)
		return fail(err, err_size, -ENOMEM, "%llu MiB of guest memory are more than this machine has (%llu MiB); give less with --mem",
			    (unsigned long long)(c->mem_bytes >> 20), (unsigned long long)(((uint64_t)si.totalram * si.mem_unit) >> 20));
	return 0;
}

/* What the facts mean for this VM. */
static int choose_features(struct vm *vm, char *err, size_t err_size)
{
	const struct host_facts *f = &vm->machine.facts;

	if (f->xcr0)
		cpuid_add_xsave(vm->machine.cpuid, f->xcr0);
	vm->machine.emulate_ahead = vm->config.emulate == VM_CONF_EMULATE_AHEAD;
	if (vm->config.interrupt_flag == VM_CONF_IF_TRAP)
		return 0;
	vm->machine.if_direct_32 = f->iopl_direct_32;
	vm->machine.if_native_32 = f->iopl_native_32 || f->iopl_direct_32;
	vm->machine.if_native_64 = f->iopl_native_64;
	if (vm->config.interrupt_flag == VM_CONF_IF_NATIVE && !vm->machine.if_native_32 && !vm->machine.if_native_64)
		return fail(err, err_size, -EOPNOTSUPP, "this host's KVM ignores IOPL 3 in guest code; use --if=trap or --if=auto");
	return 0;
}

static int reserve_memory(struct vm *vm, char *err, size_t err_size)
{
	uint64_t stats = STATS_HEADER + STATS_BLOCK * vm->machine.nvcpu;
	int rc;

	guest_ram_layout(&vm->machine.ram, vm->config.mem_bytes);
	if (guest_ram_span(&vm->machine.ram) + VM_RAM_MADDR > 1ull << vm->machine.facts.maxphyaddr)
		return fail(err, err_size, -ERANGE, "%llu MiB of guest memory end beyond this processor's %u physical address bits; give less with --mem",
			    (unsigned long long)(vm->config.mem_bytes >> 20), vm->machine.facts.maxphyaddr);
	if ((rc = memfd_create_sealed(&vm->ram_fd, "shadowpool-ram", guest_ram_span(&vm->machine.ram), MEMFD_4K, false, false)) ||
	    (rc = memfd_create_sealed(&vm->stub_fd, "shadowpool-stub", VM_STUB_BYTES, MEMFD_4K, true, false)) ||
	    (rc = memfd_create_sealed(&vm->stats_t, "shadowpool-stats-t", (stats + 4095) & ~4095ull, MEMFD_4K, true, false)))
		return fail(err, err_size, rc, "cannot reserve memory for the VM: %s; give less with --mem or free some", strerror(-rc));
	vm->machine.ram.base = vm->ram_fd.base;
	slots_dummy_init(&vm->pool.dummy_slot, vm->fd, vm->stub_fd.base);
	if ((rc = slots_set(vm->fd, VM_SLOT_STUB, VM_STUB_MADDR, VM_STUB_BYTES, vm->stub_fd.base)) ||
	    (rc = slots_set(vm->fd, VM_SLOT_RAM_LOW, VM_RAM_MADDR, vm->machine.ram.low_end, vm->machine.ram.base)))
		return fail(err, err_size, rc, "KVM refuses the VM's memory: %s", strerror(-rc));
	if (vm->machine.ram.high_end)
		rc = slots_set(vm->fd, VM_SLOT_RAM_HIGH, VM_RAM_MADDR + GUEST_RAM_HIGH_BASE,
			       vm->machine.ram.high_end - GUEST_RAM_HIGH_BASE, vm->machine.ram.base + GUEST_RAM_HIGH_BASE);
	return rc ? fail(err, err_size, rc, "KVM refuses the VM's memory above 4 GiB: %s", strerror(-rc)) : 0;
}

static int create_vcpus(struct vm *vm, char *err, size_t err_size)
{
	int rc;

	vm->stub_window = calloc(1, sizeof(*vm->stub_window));
	if (!vm->stub_window)
		return fail(err, err_size, -ENOMEM, "out of memory");
	stub_build(vm->stub_window, vm->stub_fd.base, VM_STUB_SLOT);
	for (uint32_t i = 0; i < vm->machine.nvcpu; i++) {
		struct vcpu *v = &vm->machine.vcpu[i];

		v->machine = &vm->machine;
		v->pool = &vm->pool;
		v->world = &vm->world;
		v->threads = &vm->threads;
		v->index = i;
		v->stat = (uint64_t *)(void *)((uint8_t *)vm->stats_t.base + STATS_HEADER + STATS_BLOCK * i);
		v->link = calloc(1, sizeof(*v->link));
		v->priv = calloc(1, sizeof(*v->priv));
		if (!v->link || !v->priv)
			return fail(err, err_size, -ENOMEM, "out of memory");
		if (!vm->config.untimed)
			duration_timer_init(&v->link->request_timer, &v->link->request, REQUEST_TIMED_ONE_IN);
		v->priv->kcpu.fd = -1;
		cpuid_set_apic_id(vm->machine.cpuid, (uint8_t)i);
		rc = kcpu_create(&v->priv->kcpu, vm->kvm_fd, vm->fd, i, vm->stub_window, &vm->machine.cpuid->head);
		if (!rc)
			rc = vcpu_real_init(v);
		if (rc)
			return fail(err, err_size, rc, "KVM cannot create vCPU %u: %s", i, strerror(-rc));
	}
	return 0;
}

static char *copy_string(const char *s)
{
	return s ? strdup(s) : NULL;
}

static char **copy_list(char *const *from)
{
	size_t n = 0;
	char **to;

	while (from && from[n])
		n++;
	to = n ? calloc(n + 1, sizeof(char *)) : NULL;
	for (size_t i = 0; to && i < n; i++)
		to[i] = copy_string(from[i]);
	return to;
}

static void free_list(char **list)
{
	for (size_t i = 0; list && list[i]; i++)
		free(list[i]);
	free(list);
}

static void config_copy(struct vm_config *to, const struct vm_config *from)
{
	*to = *from;
	to->image = copy_string(from->image);
	to->cmdline = copy_string(from->cmdline);
	to->attach_socket = copy_string(from->attach_socket);
	to->initrd = copy_string(from->initrd);
	to->modules = copy_list(from->modules);
	to->disks = copy_list(from->disks);
}

static void config_free(struct vm_config *c)
{
	free(c->image);
	free(c->cmdline);
	free(c->attach_socket);
	free(c->initrd);
	free_list(c->modules);
	free_list(c->disks);
}

static int add_devices(struct vm *vm, char *err, size_t err_size)
{
	int rc = 0;

	for (unsigned i = 0; !rc && vm->config.disks && vm->config.disks[i]; i++)
		rc = i < 2 ? disk_open(&vm->disk[i], vm->config.disks[i], err, err_size) :
			fail(err, err_size, -E2BIG, "more than two disks; give fewer");
	if (rc)
		return rc;
	rc = platform_create(vm);
	return rc ? fail(err, err_size, rc, "cannot create the devices: %s", strerror(-rc)) : 0;
}

static void configure_link(struct vm *vm)
{
	const struct vm_config *c = &vm->config;

	vm->pool.config = (struct pool_link_config){
		.vm_name = c->name, .socket = c->attach_socket, .pool_bytes = c->pool_bytes, .pool_pages = c->pool_pages,
		.audit = c->audit, .untimed = c->untimed, .poison = c->poison, .vm_fd = vm->fd, .ram_fd = vm->ram_fd.fd,
		.stats_fd = vm->stats_t.fd, .stub = vm->stub_window,
	};
}

int vm_create(struct vm **out, const struct vm_config *config, char *err, size_t err_size)
{
	struct vm *vm = calloc(1, sizeof(*vm));
	int rc = -ENOMEM;

	*out = NULL;
	if (!vm)
		return fail(err, err_size, -ENOMEM, "out of memory");
	vm->kvm_fd = vm->fd = -1;
	vm->disk[0].fd = vm->disk[1].fd = -1;
	vm->ram_fd = vm->stub_fd = vm->stats_t = (struct memfd)MEMFD_NONE;
	stop_init(&vm->machine.stop, kick, &vm->machine);
	pool_link_init(&vm->pool, &vm->machine);
	world_init(&vm->world);
	config_copy(&vm->config, config);
	vm->machine.nvcpu = config->nvcpu ? config->nvcpu : 1;
	vm->machine.vcpu = calloc(vm->machine.nvcpu, sizeof(*vm->machine.vcpu));
	vm->machine.cpuid = calloc(1, sizeof(*vm->machine.cpuid));
	if (!vm->machine.vcpu || !vm->machine.cpuid || !vm->config.image) {
		fail(err, err_size, rc, "out of memory");
		goto undo;
	}
	for (uint32_t i = 0; i < vm->machine.nvcpu; i++) {
		pthread_mutex_init(&vm->machine.vcpu[i].sleep_lock, NULL);
		pthread_cond_init(&vm->machine.vcpu[i].sleep_cond, NULL);
	}
	kcpu_install_kick();	/* the same handler for every VM of the process */
	if ((rc = check_memory(&vm->config, err, err_size)) || (rc = open_kvm(vm, err, err_size)))
		goto undo;
	rc = cpuid_build(vm->kvm_fd, vm->machine.cpuid, &vm->machine.facts.maxphyaddr);
	if (rc) {
		fail(err, err_size, rc, "KVM does not tell its CPUID: %s", strerror(-rc));
		goto undo;
	}
	if ((rc = selftest_run(vm->kvm_fd, &vm->machine.cpuid->head, &vm->machine.facts, err, (unsigned)err_size)) ||
	    (rc = choose_features(vm, err, err_size)) || (rc = reserve_memory(vm, err, err_size)) ||
	    (rc = code_pages_create(&vm->machine, vm->fd, err, err_size)) || (rc = create_vcpus(vm, err, err_size)) ||
	    (rc = add_devices(vm, err, err_size)) || (rc = image_load(vm, err, err_size)))
		goto undo;
	configure_link(vm);
	*out = vm;
	return 0;
undo:
	vm->config.console_in = vm->config.console_out = -1;	/* still the caller's */
	vm_destroy(vm);
	return rc;
}

static void on_attached(void *ctx)
{
	struct vm *vm = ctx;

	if (vm->attached)
		vm->attached(vm, vm->ended_ctx);
}

static void on_ended(void *ctx)
{
	struct vm *vm = ctx;

	if (vm->ended)
		vm->ended(vm, vm->ended_ctx);
}

int vm_start(struct vm *vm, void (*ended)(struct vm *vm, void *ctx), void *ctx)
{
	int rc;

	vm->ended = ended;
	vm->ended_ctx = ctx;
	vm->threads = (struct vcpu_threads){ vm->machine.nvcpu, on_attached, on_ended, vm };
	for (uint32_t i = 1; i < vm->machine.nvcpu; i++)
		startup_wait(&vm->machine.vcpu[i]);
	rc = platform_start(vm);
	if (rc)
		return rc;
	for (uint32_t i = 0; i < vm->machine.nvcpu; i++) {
		rc = pthread_create(&vm->machine.vcpu[i].thread, NULL, vcpu_thread_main, &vm->machine.vcpu[i]);
		if (rc)
			return -rc;
		vm->machine.vcpu[i].thread_started = true;
	}
	return 0;
}

void vm_destroy(struct vm *vm)
{
	if (!vm)
		return;
	for (uint32_t i = 0; vm->machine.vcpu && i < vm->machine.nvcpu; i++) {
		struct vcpu *v = &vm->machine.vcpu[i];

		if (v->thread_started) {
			stop_vm(&vm->machine.stop, VM_STOP_REQUESTED, "destroyed");
			pthread_join(v->thread, NULL);
			v->thread_started = false;
		}
	}
	pool_link_destroy(&vm->pool);
	for (uint32_t i = 0; vm->machine.vcpu && i < vm->machine.nvcpu; i++) {
		struct vcpu *v = &vm->machine.vcpu[i];

		if (v->priv)
			kcpu_destroy(&v->priv->kcpu);
		free(v->priv);
		free(v->link);
	}
	platform_destroy(vm);
	disk_close(&vm->disk[0]);
	disk_close(&vm->disk[1]);
	if (vm->fd >= 0)
		close(vm->fd);
	if (vm->kvm_fd >= 0)
		close(vm->kvm_fd);
	code_pages_destroy(&vm->machine);
	memfd_close(&vm->ram_fd);
	memfd_close(&vm->stub_fd);
	memfd_close(&vm->stats_t);
	if (vm->config.console_in >= 0)
		close(vm->config.console_in);
	if (vm->config.console_out >= 0)
		close(vm->config.console_out);
	config_free(&vm->config);
	free(vm->stub_window);
	free(vm->machine.cpuid);
	for (uint32_t i = 0; vm->machine.vcpu && i < vm->machine.nvcpu; i++) {
		pthread_cond_destroy(&vm->machine.vcpu[i].sleep_cond);
		pthread_mutex_destroy(&vm->machine.vcpu[i].sleep_lock);
	}
	free(vm->machine.vcpu);
	world_destroy(&vm->world);
	stop_destroy(&vm->machine.stop);
	free(vm);
}
