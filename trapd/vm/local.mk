# One VM as a whole: its life, its devices as a list, its image.
noinst_LIBRARIES += trapd/vm/libvm.a
trapd_vm_libvm_a_SOURCES = \
	trapd/vm/image.c \
	trapd/vm/image.h \
	trapd/vm/platform.c \
	trapd/vm/platform.h \
	trapd/vm/vm.c \
	trapd/vm/vm.h
