# trapd's end of the link: requests, events, and what vCPUs do together for them.
noinst_LIBRARIES += trapd/link/liblink.a
trapd_link_liblink_a_SOURCES = \
	trapd/link/before_write.c \
	trapd/link/corrupt_limit.c \
	trapd/link/corrupt_limit.h \
	trapd/link/events.c \
	trapd/link/events.h \
	trapd/link/kick.c \
	trapd/link/kick.h \
	trapd/link/pool_link.c \
	trapd/link/pool_link.h \
	trapd/link/pool_request.c \
	trapd/link/pool_request.h \
	trapd/link/vcpu_link.h \
	trapd/link/world.c \
	trapd/link/world.h \
	trapd/link/write_pair.c \
	trapd/link/write_pair.h \
	trapd/link/write_run.c \
	trapd/link/write_run.h \
	trapd/link/write_tally.c \
	trapd/link/write_tally.h
