# What more than one program uses.
noinst_LIBRARIES += common/libcommon.a
common_libcommon_a_CPPFLAGS = $(AM_CPPFLAGS) $(EVENT_CFLAGS) $(PROTOBUF_CFLAGS) $(SECCOMP_CFLAGS) $(SYSTEMD_CFLAGS)
common_libcommon_a_SOURCES = \
	common/attach.h common/barrier.h common/clock.h common/conf.h common/counters.h common/duration.h common/guest_ram.h common/link.h common/log.h \
	common/memfd.h common/pool_stats.h common/ring.h common/shm_layout.h common/walk.h common/write_class.h common/x86.h \
	common/clock.c \
	common/duration.c \
	common/pool_stats.c \
	common/walk.c \
	common/write_class.c
common_libcommon_a_SOURCES += \
	common/write_policy.c common/write_policy.h
common_libcommon_a_SOURCES += \
	common/control_client.c common/control_client.h \
	common/control_codes.h \
	common/control_server.c common/control_server.h \
	common/control_socket.c common/control_socket.h \
	common/frame.c common/frame.h
common_libcommon_a_SOURCES += \
	common/attach.c \
	common/link_check.c \
	common/link_client.c \
	common/link_priv.h \
	common/link_server.c \
	common/link_wake.c \
	common/memfd.c \
	common/ring.c \
	common/shm_layout.c
common_libcommon_a_SOURCES += common/conf.c common/conf_file.c common/conf_priv.h
common_libcommon_a_SOURCES += common/conf_daemon.c common/daemon_options.c common/daemon_options.h \
	common/daemon_shell.c common/daemon_shell.h common/inherit.c common/inherit.h common/log.c common/notify.c common/notify.h common/sandbox.c common/sandbox.h
common_libcommon_a_SOURCES += common/vm_conf.c common/vm_conf.h
