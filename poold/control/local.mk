# The clients' half of poold: verbs that look at VMs, traces asked for by clients.
noinst_LIBRARIES += poold/control/libcontrol.a
poold_control_libcontrol_a_CPPFLAGS = $(AM_CPPFLAGS) $(EVENT_CFLAGS) $(PROTOBUF_CFLAGS)
poold_control_libcontrol_a_SOURCES = \
	poold/control/control.c \
	poold/control/control.h \
	poold/control/flush.c \
	poold/control/flush.h \
	poold/control/inspect.c \
	poold/control/inspect.h \
	poold/control/pool_verb.c \
	poold/control/pool_verb.h \
	poold/control/standing.c \
	poold/control/standing.h \
	poold/control/trace_verbs.c \
	poold/control/trace_verbs.h \
	poold/control/verify.c \
	poold/control/verify.h
