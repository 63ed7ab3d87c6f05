# How a VM comes: the socket, a thread for each connection, the handshake that makes a session, the checks of what trapd asks for.
noinst_LIBRARIES += poold/attach/libattach.a
poold_attach_libattach_a_CPPFLAGS = $(AM_CPPFLAGS) $(EVENT_CFLAGS)
poold_attach_libattach_a_SOURCES = \
	poold/attach/attach_server.c \
	poold/attach/attach_server.h \
	poold/attach/connection_thread.c \
	poold/attach/connection_thread.h \
	poold/attach/handshake.c \
	poold/attach/handshake.h \
	poold/attach/hello.c \
	poold/attach/hello.h
