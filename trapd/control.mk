# trapd's process shell and the program itself.
trapd_libtrapd_a_SOURCES += \
	trapd/config.c trapd/config.h \
	trapd/control.c trapd/control.h \
	trapd/daemon.c trapd/daemon.h \
	trapd/engine.c trapd/engine.h \
	trapd/inherit.c trapd/inherit.h \
	trapd/sandbox.c trapd/sandbox.h \
	trapd/vm_reply.c trapd/vm_reply.h \
	trapd/vm_table.c trapd/vm_table.h

libexec_PROGRAMS += trapd/trapd
trapd_trapd_SOURCES = trapd/main.c
trapd_trapd_LDADD = trapd/libtrapd.a common/libcommon.a proto/libproto.a \
	$(EVENT_LIBS) $(PROTOBUF_LIBS) $(CAPSTONE_LIBS) $(SECCOMP_LIBS) $(SYSTEMD_LIBS) -lpthread
