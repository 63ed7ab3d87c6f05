/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Dates between seconds since 1970 and the bytes of an MC146818. Pure functions, any thread. */
#ifndef SHADOWPOOL_TRAPD_DEVICES_RTC_DATE_H
#define SHADOWPOOL_TRAPD_DEVICES_RTC_DATE_H

#include <stdint.h>

/* Bits of register B that decide about the format. */
#define RTC_BINARY	0x04u		/* DM: binary, else BCD */
#define RTC_24H		0x02u		/* else hours are 1 to 12 and bit 7 is PM */

/* Registers 0 to 9, of which the odd ones up to 5 are the alarm's and no part of the date, then the century. */
#define RTC_BYTES	11u
/* Register of each byte, -1: none. */
extern const int rtc_byte_reg[RTC_BYTES];

/* b: register B. Bytes without a register are 0. */
void rtc_date_encode(int64_t seconds, uint8_t b, uint8_t bytes[RTC_BYTES]);
/* Any bytes: values out of range count on (February 30th is March 1st or 2nd). The day of the week is ignored. */
int64_t rtc_date_decode(const uint8_t bytes[RTC_BYTES], uint8_t b);

#endif
