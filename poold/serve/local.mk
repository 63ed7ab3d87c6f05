# trapd's half of poold: attach, and the sessions: threads that serve requests and events.
noinst_LIBRARIES += poold/serve/libserve.a
poold_serve_libserve_a_SOURCES = \
	poold/serve/attach_server.c \
	poold/serve/attach_server.h \
	poold/serve/audit.c \
	poold/serve/audit.h \
	poold/serve/config.c \
	poold/serve/config.h \
	poold/serve/connection_thread.c \
	poold/serve/connection_thread.h \
	poold/serve/connections.c \
	poold/serve/connections.h \
	poold/serve/events.c \
	poold/serve/events.h \
	poold/serve/handshake.c \
	poold/serve/handshake.h \
	poold/serve/hello.c \
	poold/serve/hello.h \
	poold/serve/hugepages.c \
	poold/serve/hugepages.h \
	poold/serve/objects.c \
	poold/serve/objects.h \
	poold/serve/requests.c \
	poold/serve/requests.h \
	poold/serve/service.h \
	poold/serve/session.c \
	poold/serve/session.h \
	poold/serve/trace_jobs.c \
	poold/serve/trace_jobs.h
