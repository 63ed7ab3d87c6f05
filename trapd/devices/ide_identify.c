/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a disk says about itself, see ide.h. Pure, under the bus lock. Source: ATA/ATAPI-6 (T13/1410D) 8.15, IDENTIFY DEVICE. */
#include <string.h>

#include "trapd/devices/ide.h"

#define LBA28_MAX	0x0fffffffu
#define CYLINDERS_MAX	16383u

/* Text is padded with blanks and swapped in each word. */
static void put_text(uint16_t *word, unsigned words, const char *text)
{
	size_t n = strlen(text);

	for (size_t i = 0; i < words * 2u; i += 2) {
		unsigned high = (unsigned char)(i < n ? text[i] : ' '), low = (unsigned char)(i + 1 < n ? text[i + 1] : ' ');

		word[i / 2] = (uint16_t)(high << 8 | low);
	}
}

static void put_number(uint16_t *word, unsigned words, uint64_t value)
{
	for (unsigned i = 0; i < words; i++)
		word[i] = (uint16_t)(value >> i * 16);
}

void ide_identify(const struct ide_drive *d, bool slave, uint8_t out[DISK_SECTOR])
{
	uint64_t sectors = d->disk.sectors, cylinders = sectors / (IDE_HEADS * IDE_TRACK), current = sectors / ((uint64_t)d->heads * d->track);
	uint16_t w[256] = { 0 };

	cylinders = cylinders > CYLINDERS_MAX ? CYLINDERS_MAX : cylinders;
	current = current > 0xffff ? 0xffff : current;
	w[0] = 0x0040;			/* a disk that is not removed */
	w[1] = (uint16_t)cylinders;
	w[3] = IDE_HEADS;
	w[6] = IDE_TRACK;
	put_text(w + 10, 10, slave ? "SP0000000001" : "SP0000000000");
	put_text(w + 23, 4, "1.0");
	put_text(w + 27, 20, "SHADOWPOOL DISK");
	w[47] = 0x8000 | IDE_MULTIPLE_MAX;
	w[49] = 0x0a00;			/* LBA, IORDY; no DMA */
	w[50] = 0x4000;
	w[51] = 0x0200;
	w[53] = 0x0003;			/* words 54 to 58 and 64 to 70 are valid */
	w[54] = (uint16_t)current;
	w[55] = d->heads;
	w[56] = d->track;
	put_number(w + 57, 2, current * d->heads * d->track);
	w[59] = (uint16_t)(d->multiple ? 0x0100 | d->multiple : 0);
	put_number(w + 60, 2, sectors > LBA28_MAX ? LBA28_MAX : sectors);
	w[64] = 0x0003;			/* PIO modes 3 and 4 */
	w[67] = w[68] = 120;
	w[80] = 0x007e;			/* ATA-1 to ATA/ATAPI-6 */
	w[82] = 0x0020;			/* write cache */
	w[83] = 0x7400;			/* FLUSH CACHE EXT, FLUSH CACHE, LBA48 */
	w[84] = 0x4000;
	w[85] = d->write_cache ? 0x0020 : 0;
	w[86] = 0x3400;
	w[87] = 0x4000;
	w[93] = slave ? 0x4b00 : 0x400b;	/* diagnostics passed */
	put_number(w + 100, 4, sectors);
	memcpy(out, w, sizeof(w));
}
