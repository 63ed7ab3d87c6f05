# The thread of a vCPU, and what the guest's CPU shares with the rest of the VM.
noinst_LIBRARIES += trapd/vcpu/libvcpu.a
trapd_vcpu_libvcpu_a_CPPFLAGS = $(AM_CPPFLAGS) $(CAPSTONE_CFLAGS)
trapd_vcpu_libvcpu_a_SOURCES = \
	trapd/vcpu/modes.c \
	trapd/vcpu/startup.c \
	trapd/vcpu/startup.h \
	trapd/vcpu/store.c \
	trapd/vcpu/vcpu_apic.c \
	trapd/vcpu/vcpu_thread.c \
	trapd/vcpu/vcpu_thread.h \
	trapd/vcpu/vcpu_x87.c
