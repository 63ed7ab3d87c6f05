# trapd: the process; its rooms are libraries, linked from top to bottom, so that unit tests link the same code.
noinst_LIBRARIES += trapd/libtrapd.a
trapd_libtrapd_a_CPPFLAGS = $(AM_CPPFLAGS) $(EVENT_CFLAGS) $(SECCOMP_CFLAGS)
trapd_libtrapd_a_SOURCES = \
	trapd/daemon.c \
	trapd/daemon.h \
	trapd/sandbox.c \
	trapd/sandbox.h
include trapd/control/local.mk
include trapd/vm/local.mk
include trapd/loader/local.mk
include trapd/vcpu/local.mk
include trapd/trap/local.mk
include trapd/code/local.mk
include trapd/link/local.mk
include trapd/priv/local.mk
include trapd/emulate/local.mk
include trapd/insn/local.mk
include trapd/cpu/local.mk
include trapd/kvm/local.mk
include trapd/devices/local.mk

TRAPD_ROOMS = trapd/libtrapd.a trapd/control/libcontrol.a trapd/vm/libvm.a trapd/loader/libloader.a trapd/vcpu/libvcpu.a \
	trapd/trap/libtrap.a trapd/code/libcode.a trapd/link/liblink.a trapd/priv/libpriv.a trapd/emulate/libemulate.a \
	trapd/insn/libinsn.a trapd/cpu/libcpu.a trapd/kvm/libkvm.a trapd/devices/libdevices.a

# The linker reads each archive once, from top to bottom. The real functions of the port (cpu/vcpu.h) lie above the rooms that
# call them, so a program that wants those and not the fake has REAL_PORT in its LDFLAGS: one function of each member of an archive
# that has some.
REAL_PORT = -Wl,-u,vcpu_set_modes -Wl,-u,vcpu_post_write -Wl,-u,vcpu_read_cr8 -Wl,-u,vcpu_read_x87 -Wl,-u,vcpu_debug_changed \
	-Wl,-u,vcpu_moved_opcode -Wl,-u,vcpu_write_begin -Wl,-u,vcpu_invlpg -Wl,-u,vcpu_before_write

libexec_PROGRAMS += trapd/trapd
trapd_trapd_CPPFLAGS = $(trapd_libtrapd_a_CPPFLAGS)
trapd_trapd_SOURCES = trapd/main.c
trapd_trapd_LDFLAGS = $(AM_LDFLAGS) $(REAL_PORT)
trapd_trapd_LDADD = $(TRAPD_ROOMS) common/libcommon.a proto/libproto.a \
	$(EVENT_LIBS) $(PROTOBUF_LIBS) $(CAPSTONE_LIBS) $(SECCOMP_LIBS) $(SYSTEMD_LIBS) -lpthread
