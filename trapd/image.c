/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads the files of a VM and starts vCPU 0 as the Multiboot specification says (section 3.2). Process trapd, control thread.
 */
#include "trapd/image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "trapd/loader.h"
#include "trapd/vm.h"

#define MAX_MODULES 64u

struct file { void *data; size_t size; };

static void file_unmap(struct file *f)
{
	if (f->data)
		munmap(f->data, f->size);
	f->data = NULL;
}

/* A private mapping of the whole file. It may be truncated under us, so it is copied into memory of our own. */
static int file_read(const char *path, uint64_t limit, struct file *f, char *err, size_t err_size)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), rc;
	size_t done = 0;

	if (fd < 0 || fstat(fd, &st)) {
		rc = -errno;
		snprintf(err, err_size, "cannot open %s: %s; check the path and its permissions", path, strerror(-rc));
		if (fd >= 0)
			close(fd);
		return rc;
	}
	rc = -EINVAL;
	if (!S_ISREG(st.st_mode) || !st.st_size) {
		snprintf(err, err_size, "%s is %s; give a multiboot image", path, S_ISREG(st.st_mode) ? "empty" : "not a regular file");
		goto done;
	}
	if ((uint64_t)st.st_size > limit) {
		snprintf(err, err_size, "%s has %lld bytes, more than the VM's memory (%llu MiB); give more with --mem", path,
			 (long long)st.st_size, (unsigned long long)(limit >> 20));
		goto done;
	}
	f->size = (size_t)st.st_size;
	f->data = mmap(NULL, f->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (f->data == MAP_FAILED) {
		f->data = NULL;
		rc = -ENOMEM;
		snprintf(err, err_size, "no memory to read %s; free some", path);
		goto done;
	}
	while (done < f->size) {
		ssize_t n = pread(fd, (uint8_t *)f->data + done, f->size - done, (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			rc = n ? -errno : -EIO;
			snprintf(err, err_size, "cannot read %s: %s", path, n ? strerror(errno) : "it shrank while it was read");
			file_unmap(f);
			goto done;
		}
		done += (size_t)n;
	}
	rc = 0;
done:
	close(fd);
	return rc;
}

/* Flat 4 GiB segments; the selectors are the loader's business, the guest must load its own GDT. Specification 3.2. */
static void start_state(struct cpu_state *c, const struct multiboot_entry *e)
{
	const struct segment data = { .selector = 0x18, .usable = true, .type = 3, .code_or_data = true, .present = true, .db = true,
				      .g = true, .limit = 0xffffffff };

	for (unsigned i = 0; i < SREG_COUNT; i++)
		c->seg[i] = data;
	c->seg[SREG_CS].selector = 0x10;
	c->seg[SREG_CS].type = 11;
	c->tr = (struct segment){ .usable = true, .type = 11, .present = true, .limit = 0xffff };
	c->ldtr = (struct segment){ .type = 2 };
	c->gdtr.limit = c->idtr.limit = 0xffff;
	c->cr0 = CR0_PE | CR0_ET;
	c->rflags = RFLAGS_FIXED;
	c->dr6 = DR6_FIXED;
	c->dr7 = DR7_FIXED;
	c->pat = 0x0007040600070406ull;		/* SDM vol. 3A 11.12.4 */
	c->apic_base = 0xfee00900ull;
	c->misc_enable = 1;
	c->rip = e->entry;
	c->gpr[GPR_RAX] = MULTIBOOT_LOADER_MAGIC;
	c->gpr[GPR_RBX] = e->info_gpa;
}

int image_load(struct vm *vm, char *err, size_t err_size)
{
	struct multiboot_module modules[MAX_MODULES];
	struct file image = { 0 }, file[MAX_MODULES] = { { 0 } };
	struct multiboot_entry entry;
	unsigned n = 0;
	int rc = file_read(vm->config.image, vm->config.mem_bytes, &image, err, err_size);

	while (!rc && vm->config.modules && vm->config.modules[n]) {
		if (n == MAX_MODULES) {
			snprintf(err, err_size, "more than %u modules; give fewer", MAX_MODULES);
			rc = -E2BIG;
			break;
		}
		rc = file_read(vm->config.modules[n], vm->config.mem_bytes, &file[n], err, err_size);
		modules[n] = (struct multiboot_module){ vm->config.modules[n], file[n].data, file[n].size };
		n++;
	}
	if (!rc)
		rc = multiboot_load(&vm->ram, image.data, image.size, vm->config.image, vm->config.cmdline, modules, n, &entry, err, err_size);
	if (!rc) {
		struct vcpu *v = &vm->vcpu[0];

		start_state(&v->cpu, &entry);
		walk_mode_from_cr(&v->walk, v->cpu.cr0, 0, 0, 0, v->cpu.rflags, vm->facts.maxphyaddr);
	}
	file_unmap(&image);
	for (unsigned i = 0; i < n; i++)
		file_unmap(&file[i]);
	return rc;
}
