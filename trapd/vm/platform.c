/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The PC that the guest finds: one row per device. Process trapd, control thread; irq.h, timer.h and device_thread.h say what
 * a device may use.
 */
#include "trapd/vm/platform.h"

#include <errno.h>
#include <time.h>

#include "trapd/devices/acpi.h"
#include "trapd/devices/bus.h"
#include "trapd/devices/cmos.h"
#include "trapd/devices/debug_exit.h"
#include "trapd/devices/device_thread.h"
#include "trapd/devices/i8042.h"
#include "trapd/devices/ide.h"
#include "trapd/devices/irq.h"
#include "trapd/devices/mptable.h"
#include "trapd/devices/pit.h"
#include "trapd/devices/vga.h"
#include "trapd/trap/interrupt.h"
#include "trapd/vcpu/startup.h"
#include "trapd/vm/vm.h"

/* What the interrupt controllers have for a vCPU; their context is the machine. */
static const struct irqs_ops irqs_ops = { .notify = interrupt_notify, .init = startup_init, .startup = startup_begin };

static int add_irqs(struct vm *vm)
{
	return irqs_create(&vm->machine.irqs, vm->machine.bus, vm->machine.timers, vm->machine.nvcpu, &irqs_ops,
			   &vm->machine);
}

static int add_pit(struct vm *vm)
{
	return pit_add(vm->machine.bus, vm->machine.irqs, vm->machine.timers);
}

static int add_uart(struct vm *vm)
{
	return uart_add(vm->machine.bus, vm->machine.irqs, vm->devices, vm->config.console_in, vm->config.console_out);
}

static int add_vga(struct vm *vm)
{
	return vga_add(&vm->vga, vm->machine.bus, vm->machine.timers);
}

static unsigned disks_present(const struct vm *vm)
{
	return (vm->disk[0].fd >= 0) | (vm->disk[1].fd >= 0) << 1;
}

static int add_cmos(struct vm *vm)
{
	return cmos_add(vm->machine.bus, vm->machine.irqs, vm->machine.timers, &vm->machine.ram, time(NULL), disks_present(vm));
}

/* A VM does not start again by itself: a reset ends it. */
static void on_reset(void *ctx, const char *how)
{
	stop_vm(ctx, VM_STOP_RESET, "the guest reset the machine through %s", how);
}

static int add_i8042(struct vm *vm)
{
	return i8042_add(vm->machine.bus, vm->machine.irqs, &(struct reset_line){ on_reset, &vm->machine.stop });
}

static int add_chipset(struct vm *vm)
{
	return chipset_add(vm->machine.bus, &(struct reset_line){ on_reset, &vm->machine.stop });
}

static void on_power_off(void *ctx)
{
	stop_vm(ctx, VM_STOP_POWEROFF, "the guest switched the machine off");
}

static int add_acpi_pm(struct vm *vm)
{
	return acpi_pm_add(vm->machine.bus, vm->machine.irqs, vm->machine.timers,
			   &(struct power_line){ on_power_off, &vm->machine.stop });
}

/* A channel without a disk reads as ones. */
static int add_ide(struct vm *vm)
{
	int rc = disks_present(vm) ? ide_add(vm->machine.bus, vm->machine.irqs, vm->disk) : 0;

	if (!rc)
		vm->disk[0].fd = vm->disk[1].fd = -1;
	return rc;
}

static int add_tables(struct vm *vm)
{
	mptable_write(&vm->machine.ram, vm->machine.nvcpu);
	acpi_write(&vm->machine.ram, vm->machine.nvcpu);
	return 0;
}

static void on_guest_exit(void *ctx, int code)
{
	stop_exit(ctx, code);
}

static int add_debug_exit(struct vm *vm)
{
	return debug_exit_add(vm->machine.bus, &(struct exit_line){ on_guest_exit, &vm->machine.stop });
}

/* In this order: the interrupt controllers before those who use their lines. */
static int (*const devices[])(struct vm *vm) = {
	add_irqs,
	add_pit,
	add_uart,
	add_vga,
	add_cmos,
	add_i8042,
	add_chipset,
	add_acpi_pm,
	add_ide,
	add_tables,
	add_debug_exit,
};

int platform_create(struct vm *vm)
{
	int rc = bus_create(&vm->machine.bus);

	if (!rc)
		rc = device_thread_create(&vm->devices, vm->machine.bus);
	if (!rc)
		vm->machine.timers = device_thread_timers(vm->devices);
	for (unsigned i = 0; !rc && i < sizeof(devices) / sizeof(devices[0]); i++)
		rc = devices[i](vm);
	return rc;
}

int platform_start(struct vm *vm)
{
	return device_thread_start(vm->devices);
}

void platform_destroy(struct vm *vm)
{
	device_thread_stop(vm->devices);
	bus_destroy(vm->machine.bus);
	irqs_destroy(vm->machine.irqs);
	device_thread_destroy(vm->devices);
}
