# Devices and the image loader.
trapd_libtrapd_a_SOURCES += trapd/devices/bus.c
trapd_libtrapd_a_SOURCES += trapd/devices/debug_exit.c
trapd_libtrapd_a_SOURCES += trapd/devices/uart.c
trapd_libtrapd_a_SOURCES += trapd/devices/uart_line.c trapd/devices/uart_line.h
trapd_libtrapd_a_SOURCES += trapd/loader_priv.h
trapd_libtrapd_a_SOURCES += trapd/loader_elf.c
trapd_libtrapd_a_SOURCES += trapd/loader_info.c
trapd_libtrapd_a_SOURCES += trapd/loader_multiboot.c
trapd_libtrapd_a_SOURCES += trapd/loader_place.c
trapd_libtrapd_a_SOURCES += trapd/loader_source.c
