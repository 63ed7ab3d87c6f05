#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A distribution's Linux for x86-64 (vmlinuz, and if there is one its initrd): how far it gets is written down in doc/linux.md, and
# this holds it to that: to a shell that answers, and off again, without an option that keeps it from anything. Without an initrd one
# is made of busybox, if that is here. KERNEL_CMDLINE: more for the kernel's command line, on hosts so slow that their users want to
# help it (doc/linux.md).
. "$top_srcdir/tests/kernels/lib.sh"
need vmlinuz

# tiny_initrd FILE: busybox and a shell on the console. 1 if it cannot be made here.
tiny_initrd()
{
	local root=$work/root busybox applet
	busybox=$(command -v busybox) && command -v cpio >/dev/null && ! ldd "$busybox" >/dev/null 2>&1 || return 1
	mkdir -p "$root"/{bin,dev,proc,sys} && cp "$busybox" "$root/bin/busybox" || return 1
	for applet in sh mount setsid cttyhack cat grep sed poweroff; do ln -s busybox "$root/bin/$applet" || return 1; done
	cat >"$root/init" <<'I'
#!/bin/sh
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
exec setsid cttyhack sh -i
I
	chmod +x "$root/init" && (cd "$root" && find . | cpio -o -H newc 2>/dev/null | gzip) >"$1"
}

# A shell in an initramfs: this one's prompt, or that of Debian's, which break=top asks for; a question for the cursor may follow.
prompt='(^|[^[:space:]] )# ([[:cntrl:]]\[6n)?$|^\(initramfs\) ([[:cntrl:]]\[6n)?$'
to_the_shell()
{
	boot 1800 --mem 512M --vcpus 2 --initrd "$1" --cmdline "console=ttyS0 break=top ${KERNEL_CMDLINE:-}" "$kernels/vmlinuz"
	await_text 300 "Linux version" && await_text 600 "smp: Brought up 1 node, 2 CPUs" && await_text 600 "Run /init as init process" &&
		await_text 600 "$prompt" || return
	type_line 'echo answer $((6 * 7)) | cat; grep -c ^processor /proc/cpuinfo | sed s/^/cpus=/'
	await_text 300 "^answer 42" && await_text 300 "^cpus=2" || return
	type_line 'poweroff -f'
	await_text 600 "reboot: Power down" || return
	wait "$run" || fail "exit code $? after poweroff"
	counters vm.stop_reason=poweroff pool.audit_violations=0
}

initrd=$kernels/initrd
[ -f "$initrd" ] || { initrd=$work/initrd; tiny_initrd "$initrd" || initrd=; }
if [ -n "$initrd" ]; then
	to_the_shell "$initrd"
else
	boot 1800 --mem 512M --cmdline "console=ttyS0" "$kernels/vmlinuz"
	await_text 1200 "Unable to mount root fs"
fi
stop
no_leftovers
finish
