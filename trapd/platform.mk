# Devices and the image loader.
trapd_libtrapd_a_SOURCES += trapd/devices/bus.c
trapd_libtrapd_a_SOURCES += trapd/devices/debug_exit.c
trapd_libtrapd_a_SOURCES += trapd/devices/device_thread.c trapd/devices/device_thread.h
trapd_libtrapd_a_SOURCES += trapd/devices/irqs.c trapd/devices/irq.h
trapd_libtrapd_a_SOURCES += trapd/devices/pic.c trapd/devices/pic.h
trapd_libtrapd_a_SOURCES += trapd/devices/timer.c trapd/devices/timer.h
trapd_libtrapd_a_SOURCES += trapd/devices/uart.c
trapd_libtrapd_a_SOURCES += trapd/devices/uart_line.c trapd/devices/uart_line.h
trapd_libtrapd_a_SOURCES += trapd/platform.c trapd/platform.h
trapd_libtrapd_a_SOURCES += trapd/interrupt.c trapd/interrupt.h
trapd_libtrapd_a_SOURCES += trapd/loader_priv.h
trapd_libtrapd_a_SOURCES += trapd/loader_elf.c
trapd_libtrapd_a_SOURCES += trapd/loader_info.c
trapd_libtrapd_a_SOURCES += trapd/loader_linux.c
trapd_libtrapd_a_SOURCES += trapd/loader_multiboot.c
trapd_libtrapd_a_SOURCES += trapd/loader_place.c
trapd_libtrapd_a_SOURCES += trapd/loader_source.c
