# Images into guest RAM: formats, and where things are put.
noinst_LIBRARIES += trapd/loader/libloader.a
trapd_loader_libloader_a_SOURCES = \
	trapd/loader/loader.h \
	trapd/loader/loader_elf.c \
	trapd/loader/loader_info.c \
	trapd/loader/loader_linux.c \
	trapd/loader/loader_multiboot.c \
	trapd/loader/loader_place.c \
	trapd/loader/loader_priv.h \
	trapd/loader/loader_source.c
