# Sessions: a VM's shared objects, its requests and events, who is connected, what clients wait for.
noinst_LIBRARIES += poold/serve/libserve.a
poold_serve_libserve_a_SOURCES = \
	poold/serve/audit.c \
	poold/serve/audit.h \
	poold/serve/config.c \
	poold/serve/config.h \
	poold/serve/connections.c \
	poold/serve/connections.h \
	poold/serve/events.c \
	poold/serve/events.h \
	poold/serve/hugepages.c \
	poold/serve/hugepages.h \
	poold/serve/objects.c \
	poold/serve/objects.h \
	poold/serve/requests.c \
	poold/serve/requests.h \
	poold/serve/service.h \
	poold/serve/session.c \
	poold/serve/session.h \
	poold/serve/session_loop.c \
	poold/serve/session_loop.h \
	poold/serve/trace_jobs.c \
	poold/serve/trace_jobs.h \
	poold/serve/wishes.c \
	poold/serve/wishes.h
