# The supervisor's code where the CPU does not keep IF for the guest: looked at, copied, watched.
noinst_LIBRARIES += trapd/code/libcode.a
trapd_code_libcode_a_CPPFLAGS = $(AM_CPPFLAGS) $(CAPSTONE_CFLAGS)
trapd_code_libcode_a_SOURCES = \
	trapd/code/code_loose.c \
	trapd/code/code_loose.h \
	trapd/code/code_moved.c \
	trapd/code/code_moved.h \
	trapd/code/code_pages.c \
	trapd/code/code_pages.h \
	trapd/code/code_scan.c \
	trapd/code/code_scan.h \
	trapd/code/code_watch.c \
	trapd/code/moved_opcode.c
