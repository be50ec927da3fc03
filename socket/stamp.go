package socket

import "time"

// TimestampMs returns the Unix time in milliseconds.
func TimestampMs() int64 {
	seconds, micros := now()
	return seconds*1000 + int64(micros/1000)
}

// microTime returns the Unix time in microseconds.
func microTime() int64 {
	seconds, micros := now()
	return seconds*1_000_000 + int64(micros)
}

// TimestampISO returns the time in the zone (nil: UTC) as ISO 8601 with
// microseconds and offset, like 2026-11-23T12:10:20.773278+00:00. A fraction
// of 0 is left out.
func TimestampISO(loc *time.Location) string {
	seconds, micros := now()
	return string(appendISO(nil, seconds, micros, loc))
}

// appendISO appends what TimestampISO returns for a moment whose year is one
// of 1 to 9999.
func appendISO(dst []byte, seconds int64, micros int, loc *time.Location) []byte {
	if loc == nil {
		loc = time.UTC
	}
	t := time.Unix(seconds, 0).In(loc)
	dst = t.AppendFormat(dst, "2006-01-02T15:04:05")
	if micros != 0 {
		dst = append(dst, '.', 0, 0, 0, 0, 0, 0)
		putMicros(dst[len(dst)-6:], micros)
	}
	// Offsets of old days have seconds; they are written when there are any.
	if _, offset := t.Zone(); offset%60 != 0 {
		return t.AppendFormat(dst, "-07:00:00")
	}
	return t.AppendFormat(dst, "-07:00")
}

// isoMillis returns the ISO form of a Unix time in milliseconds; ok is false
// when its year has more than four digits.
func isoMillis(ms int64, loc *time.Location) (iso string, ok bool) {
	const first, last = -62135510400_000, 253402214400_000 // a day within 0001 to 9999
	if ms < first || ms >= last {
		return "", false
	}
	t := time.UnixMilli(ms)
	return string(appendISO(nil, t.Unix(), t.Nanosecond()/1000, loc)), true
}

// digitPairs holds 00 to 99, two bytes each.
var digitPairs = func() (pairs [100][2]byte) {
	for i := range pairs {
		pairs[i] = [2]byte{byte('0' + i/10), byte('0' + i%10)}
	}
	return pairs
}()

// putMicros writes six digits.
func putMicros(dst []byte, micros int) {
	n := uint32(micros)
	high, low := n/10_000, n/100
	a, b, c := &digitPairs[high], &digitPairs[low-high*100], &digitPairs[n-low*100]
	_ = dst[5]
	dst[0], dst[1], dst[2], dst[3], dst[4], dst[5] = a[0], a[1], b[0], b[1], c[0], c[1]
}
