# What serves clients: the configuration, the control verbs, the table of VMs, the engine that runs them.
noinst_LIBRARIES += trapd/control/libcontrol.a
trapd_control_libcontrol_a_CPPFLAGS = $(AM_CPPFLAGS) $(EVENT_CFLAGS) $(PROTOBUF_CFLAGS)
trapd_control_libcontrol_a_SOURCES = \
	trapd/control/config.c \
	trapd/control/config.h \
	trapd/control/control.c \
	trapd/control/control.h \
	trapd/control/engine.c \
	trapd/control/engine.h \
	trapd/control/vm_reply.c \
	trapd/control/vm_reply.h \
	trapd/control/vm_table.c \
	trapd/control/vm_table.h
