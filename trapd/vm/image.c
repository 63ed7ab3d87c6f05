/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads the files of a VM and starts vCPU 0 as the image's boot protocol says: Multiboot specification 3.2, or Linux
 * Documentation/arch/x86/boot.rst, "32-bit Boot Protocol". Process trapd, control thread.
 */
#include "trapd/vm/image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "trapd/loader/loader.h"
#include "trapd/vm/vm.h"

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
		snprintf(err, err_size, "%s is %s; name a file with something in it", path, S_ISREG(st.st_mode) ? "empty" : "not a regular file");
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

/* Flat 4 GiB segments, ring 0, unpaged: what both protocols have in common. */
static void start_state(struct cpu_state *c, uint64_t entry, uint16_t code_selector, uint16_t data_selector)
{
	cpu_reset(c, true);
	for (unsigned i = 0; i < SREG_COUNT; i++) {
		c->seg[i].selector = i == SREG_CS ? code_selector : data_selector;
		c->seg[i].db = c->seg[i].g = true;
		c->seg[i].limit = 0xffffffff;
	}
	c->cr0 = CR0_PE | CR0_ET;
	c->rip = entry;
}

/* The files of a VM in memory. */
struct files {
	struct file image, initrd, file[MAX_MODULES];
	struct multiboot_module module[MAX_MODULES];
	char *text[MAX_MODULES];	/* FILE, a 0, and behind it "FILE ARGS" */
	unsigned nmodules;
};

/* "FILE,ARGS": the module's string is "FILE ARGS", as on a kernel's command line. */
static int module_read(struct vm *vm, struct files *f, const char *word, char *err, size_t err_size)
{
	size_t length = strlen(word), name = strcspn(word, ",");
	unsigned n = f->nmodules;
	char *text = malloc(name + 1 + length + 1);
	int rc;

	if (!text) {
		snprintf(err, err_size, "out of memory");
		return -ENOMEM;
	}
	memcpy(text, word, name);
	text[name] = 0;
	memcpy(text + name + 1, word, length + 1);
	if (word[name])
		text[name + 1 + name] = ' ';
	f->text[n] = text;
	f->nmodules++;
	rc = file_read(text, vm->config.mem_bytes, &f->file[n], err, err_size);
	f->module[n] = (struct multiboot_module){ text + name + 1, f->file[n].data, f->file[n].size };
	return rc;
}

static int files_read(struct vm *vm, struct files *f, char *err, size_t err_size)
{
	const struct vm_config *c = &vm->config;
	int rc = file_read(c->image, c->mem_bytes, &f->image, err, err_size);

	for (unsigned i = 0; !rc && c->modules && c->modules[i]; i++) {
		if (i == MAX_MODULES) {
			snprintf(err, err_size, "more than %u modules; give fewer", MAX_MODULES);
			return -E2BIG;
		}
		rc = module_read(vm, f, c->modules[i], err, err_size);
	}
	if (!rc && c->initrd)
		rc = file_read(c->initrd, c->mem_bytes, &f->initrd, err, err_size);
	return rc;
}

static void files_free(struct files *f)
{
	file_unmap(&f->image);
	file_unmap(&f->initrd);
	for (unsigned i = 0; i < f->nmodules; i++) {
		file_unmap(&f->file[i]);
		free(f->text[i]);
	}
}

static int load_linux(struct vm *vm, const struct files *f, char *err, size_t err_size)
{
	const struct vm_config *c = &vm->config;
	const struct multiboot_module initrd = { c->initrd, f->initrd.data, f->initrd.size };
	struct cpu_state *cpu = &vm->machine.vcpu[0].cpu;
	struct linux_entry entry;
	int rc;

	if (f->nmodules) {
		snprintf(err, err_size, "%s is a Linux kernel, which takes no modules; give it an --initrd", c->image);
		return -EINVAL;
	}
	rc = linux_load(&vm->machine.ram, f->image.data, f->image.size, c->image, c->cmdline, c->initrd ? &initrd : NULL, &entry,
			err, err_size);
	if (rc)
		return rc;
	start_state(cpu, entry.entry, 0x10, 0x18);
	cpu->gdtr.base = entry.gdt_gpa;
	cpu->gdtr.limit = entry.gdt_limit;
	cpu->gpr[GPR_RSI] = entry.params_gpa;
	return 0;
}

/*
 * The guest must load its own GDT: specification 3.2. The selectors are the loader's business, but there are kernels that go on
 * with them under a GDT of their own, in which 0x08 and 0x10 are their code and data.
 */
static int load_multiboot(struct vm *vm, const struct files *f, char *err, size_t err_size)
{
	const struct vm_config *c = &vm->config;
	struct cpu_state *cpu = &vm->machine.vcpu[0].cpu;
	struct multiboot_entry entry;
	int rc;

	if (c->initrd) {
		snprintf(err, err_size, "%s is no Linux kernel, so it takes no initrd; give a Multiboot image its files with --module",
			 c->image);
		return -EINVAL;
	}
	rc = multiboot_load(&vm->machine.ram, f->image.data, f->image.size, c->image, c->cmdline, f->module, f->nmodules, &entry,
			    err, err_size);
	if (rc)
		return rc;
	start_state(cpu, entry.entry, 0x08, 0x10);
	cpu->gpr[GPR_RAX] = MULTIBOOT_LOADER_MAGIC;
	cpu->gpr[GPR_RBX] = entry.info_gpa;
	return 0;
}

int image_load(struct vm *vm, char *err, size_t err_size)
{
	struct files *f = calloc(1, sizeof(*f));
	struct vcpu *v = &vm->machine.vcpu[0];
	int rc;

	if (!f) {
		snprintf(err, err_size, "out of memory");
		return -ENOMEM;
	}
	rc = files_read(vm, f, err, err_size);
	if (!rc)
		rc = linux_is_image(f->image.data, f->image.size) ? load_linux(vm, f, err, err_size) : load_multiboot(vm, f, err, err_size);
	if (!rc)
		walk_mode_from_cr(&v->walk, v->cpu.cr0, 0, 0, 0, v->cpu.rflags, vm->machine.facts.maxphyaddr);
	files_free(f);
	free(f);
	return rc;
}
