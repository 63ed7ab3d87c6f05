# KVM and what runs on it: descriptors, registers, the stub, what the host can do.
noinst_LIBRARIES += trapd/kvm/libkvm.a
trapd_kvm_libkvm_a_SOURCES = \
	trapd/kvm/cpuid.c \
	trapd/kvm/cpuid.h \
	trapd/kvm/host_facts.h \
	trapd/kvm/kcpu.c \
	trapd/kvm/kcpu.h \
	trapd/kvm/registers.h \
	trapd/kvm/selftest.c \
	trapd/kvm/selftest.h \
	trapd/kvm/slots.c \
	trapd/kvm/slots.h \
	trapd/kvm/stub.c \
	trapd/kvm/stub.h \
	trapd/kvm/stub_code.S \
	trapd/kvm/windows.h
