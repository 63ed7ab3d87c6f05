# The devices of a VM, one a file, behind the bus.
noinst_LIBRARIES += trapd/devices/libdevices.a
trapd_devices_libdevices_a_SOURCES = \
	trapd/devices/acpi.c \
	trapd/devices/acpi.h \
	trapd/devices/acpi_pm.c \
	trapd/devices/bus.c \
	trapd/devices/bus.h \
	trapd/devices/chipset.c \
	trapd/devices/cmos.c \
	trapd/devices/cmos.h \
	trapd/devices/debug_exit.c \
	trapd/devices/debug_exit.h \
	trapd/devices/device_thread.c \
	trapd/devices/device_thread.h \
	trapd/devices/disk.c \
	trapd/devices/disk.h \
	trapd/devices/i8042.c \
	trapd/devices/i8042.h \
	trapd/devices/ide.c \
	trapd/devices/ide.h \
	trapd/devices/ide_command.c \
	trapd/devices/ide_identify.c \
	trapd/devices/ioapic.c \
	trapd/devices/ioapic.h \
	trapd/devices/irq.h \
	trapd/devices/irqs.c \
	trapd/devices/lapic.c \
	trapd/devices/lapic.h \
	trapd/devices/lapic_icr.c \
	trapd/devices/lapic_priv.h \
	trapd/devices/lapic_timer.c \
	trapd/devices/mptable.c \
	trapd/devices/mptable.h \
	trapd/devices/pic.c \
	trapd/devices/pic.h \
	trapd/devices/pit.c \
	trapd/devices/pit.h \
	trapd/devices/rtc_date.c \
	trapd/devices/rtc_date.h \
	trapd/devices/timer.c \
	trapd/devices/timer.h \
	trapd/devices/uart.c \
	trapd/devices/uart_line.c \
	trapd/devices/uart_line.h \
	trapd/devices/vga.c \
	trapd/devices/vga.h
