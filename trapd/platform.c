/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The PC that the guest finds: one row per device. Process trapd, control thread; irq.h, timer.h and device_thread.h say what
 * a device may use.
 */
#include "trapd/platform.h"

#include <errno.h>

#include "trapd/devices/bus.h"
#include "trapd/devices/device_thread.h"
#include "trapd/devices/irq.h"
#include "trapd/devices/pit.h"
#include "trapd/interrupt.h"
#include "trapd/vm.h"

static int add_irqs(struct vm *vm)
{
	return irqs_create(&vm->irqs, vm->bus, device_thread_timers(vm->devices), vm->config.nvcpu, &interrupt_irqs_ops, vm);
}

static int add_pit(struct vm *vm)
{
	return pit_add(vm->bus, vm->irqs, device_thread_timers(vm->devices));
}

static int add_uart(struct vm *vm)
{
	return uart_add(vm->bus, vm->irqs, vm->devices, vm->config.console_in, vm->config.console_out);
}

static int add_debug_exit(struct vm *vm)
{
	return debug_exit_add(vm->bus, vm);
}

/* In this order: the interrupt controllers before those who use their lines. */
static int (*const devices[])(struct vm *vm) = {
	add_irqs,
	add_pit,
	add_uart,
	add_debug_exit,
};

int platform_create(struct vm *vm)
{
	int rc = bus_create(&vm->bus);

	if (!rc)
		rc = device_thread_create(&vm->devices, vm->bus);
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
	bus_destroy(vm->bus);
	irqs_destroy(vm->irqs);
	device_thread_destroy(vm->devices);
}
