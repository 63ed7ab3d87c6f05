# Kernels of others, provided by the user: outside `make check`, because they take minutes and none of them is ours.
EXTRA_DIST += tests/kernels/run-kernels tests/kernels/lib.sh \
	tests/kernels/linux.sh \
	tests/kernels/memtest32.sh \
	tests/kernels/memtest64.sh \
	tests/kernels/xv6-64.sh \
	tests/kernels/xv6-disk.sh \
	tests/kernels/xv6-disk-smp.sh \
	tests/kernels/xv6-memfs.sh \
	tests/kernels/xv6-memfs-smp.sh \
	tests/kernels/xv6-usertests.sh
.PHONY: check-kernels
check-kernels: all tests/integration/json_check
	@top_srcdir='$(abs_top_srcdir)' top_builddir='$(abs_top_builddir)' KERNELS='$(KERNELS)' \
		sh $(abs_top_srcdir)/tests/kernels/run-kernels
EXTRA_DIST += doc/linux.md doc/xv6.md
