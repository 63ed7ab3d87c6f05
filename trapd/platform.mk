# Devices and the image loader.
trapd_libtrapd_a_SOURCES += trapd/devices/bus.c
trapd_libtrapd_a_SOURCES += trapd/devices/debug_exit.c
trapd_libtrapd_a_SOURCES += trapd/devices/uart.c
trapd_libtrapd_a_SOURCES += trapd/devices/uart_line.c trapd/devices/uart_line.h
