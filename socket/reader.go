package socket

import (
	"encoding/binary"
	"errors"
	"io"
	"math"
	"os"
	"sync/atomic"
	"time"
)

// frameReader cuts a byte stream into frames. Bodies are handed out in place;
// whoever keeps one retains its buffer.
type frameReader struct {
	src interface {
		io.Reader
		SetReadDeadline(time.Time) error
	}
	// ahead is the source where waiting can be told from reading; nil: it
	// cannot.
	ahead interface {
		AwaitRead() error
		ReadNow([]byte) (int, error)
	}
	// soon reads what comes within the setting spin_us; nil: that is 0.
	soon    func([]byte) (int, error)
	heard   *atomic.Bool // is set when something has come; nil: nobody asks
	maxSize int          // of a body
	// tooLarge is told of a body that is larger, by its size and first byte. It
	// is then passed over. nil: it ends the stream.
	tooLarge func(size int, first byte)
	timeout  time.Duration   // for a frame that has begun
	quiet    time.Duration   // for the peer to say anything; 0: for ever
	ending   <-chan struct{} // no peek waits once it is closed; nil: it never is

	buf   *buffer
	r, w  int // buf.data[r:w] is not handed out yet
	last  int // bytes of the last read
	frame int // of the last frame
	rest  int // of a body that is passed over

	began    bool        // a deadline runs for the frame that has begun
	late     bool        // it has passed, and secondLook runs
	lent     bool        // another reads just now, and must not wait
	deadline bool        // any deadline is set
	hurried  atomic.Bool // see hurry
}

// newFrameReader makes that of a connection, which is written to by way of the
// cursor.
func newFrameReader(raw *rawConn, cfg Config, c *cursor) frameReader {
	return frameReader{
		src:     raw,
		ahead:   raw.now,
		soon:    raw.spinning(cfg.Settings.Spin, cfg.Notify != nil),
		heard:   &c.heard,
		maxSize: cfg.Settings.MaxMessageSize,
		timeout: cfg.Settings.FrameTimeout,
	}
}

// errSilent: a peer with a heartbeat said nothing for three of them.
var errSilent = fail(ErrIO, "the peer has been silent for three heartbeats")

// errFrameTimeout: the peer began a frame and did not end it in time.
var errFrameTimeout = fail(ErrProtocol, "a frame was begun and not ended within frame_timeout")

// scan returns the next complete body that has been read, nil if there is
// none. It is valid until the next fill, unless its buffer is retained.
func (fr *frameReader) scan() ([]byte, error) {
	if fr.rest > 0 && !fr.passOver() {
		return nil, nil
	}
	have := fr.w - fr.r
	if have < lengthSize {
		return nil, nil
	}
	unread := fr.buf.data[fr.r:fr.w]
	n := binary.BigEndian.Uint32(unread)
	if n == 0 || uint64(n) > uint64(fr.maxSize) {
		return fr.scanUnusual()
	}
	size := int(n)
	if have < lengthSize+size {
		return nil, nil
	}
	fr.r += lengthSize + size
	fr.began = false
	fr.frame = lengthSize + size
	return unread[lengthSize : lengthSize+size], nil
}

// scanUnusual is scan where the next length is one that bodySize refuses, or
// that of a body to pass over.
func (fr *frameReader) scanUnusual() ([]byte, error) {
	size, err := fr.bodySize()
	if err != nil || fr.w-fr.r == lengthSize {
		return nil, err
	}
	fr.tooLarge(size, fr.buf.data[fr.r+lengthSize])
	fr.r += lengthSize
	fr.rest = size
	return fr.scan()
}

// passOver reports whether all is read of a body that is not taken.
func (fr *frameReader) passOver() bool {
	n := min(fr.rest, fr.w-fr.r)
	fr.r += n
	fr.rest -= n
	fr.began = fr.began && fr.rest > 0
	return fr.rest == 0
}

// within reports whether the stream is inside a frame.
func (fr *frameReader) within() bool { return fr.w > fr.r || fr.rest > 0 }

// bodySize reads and checks the length at r. More than maxSize is passed over
// where somebody is told, unless no peer could be set to send it.
func (fr *frameReader) bodySize() (int, error) {
	size := binary.BigEndian.Uint32(fr.buf.data[fr.r:])
	switch {
	case size == 0:
		return 0, fail(ErrProtocol, "the peer sent a frame of length 0")
	case uint64(size) > uint64(fr.maxSize) && (fr.tooLarge == nil || size > math.MaxInt32):
		return 0, fail(ErrTooLarge, "the peer announced a frame of %d bytes, and at most %d are taken (max_message_size; before a client is let in also less)", size, fr.maxSize)
	}
	return int(size), nil
}

// fill reads more, at least one byte. The error is io.EOF only between two
// frames.
func (fr *frameReader) fill() error {
	if err := fr.setDeadline(); err != nil {
		return err
	}
	n, err := fr.read()
	if errors.Is(err, os.ErrDeadlineExceeded) && !fr.late && !fr.hurried.Load() {
		n, err = fr.lookAgain()
	}
	if fr.hurried.Load() && errors.Is(err, os.ErrDeadlineExceeded) {
		err = io.EOF
	}
	switch {
	case n > 0:
		return nil
	case errors.Is(err, os.ErrDeadlineExceeded) && fr.began:
		return errFrameTimeout
	case errors.Is(err, os.ErrDeadlineExceeded) && fr.quiet > 0:
		return errSilent
	}
	return fr.ended(err)
}

// ended returns err, and for an end of the stream that is not between two
// frames io.ErrUnexpectedEOF.
func (fr *frameReader) ended(err error) error {
	if errors.Is(err, io.EOF) && fr.within() {
		return io.ErrUnexpectedEOF
	}
	return err
}

// secondLook is for what came in time, while this process was stopped or had no
// turn: a wait that ends behind its deadline does not say what has come.
const secondLook = 50 * time.Millisecond

// lookAgain reads once more behind the deadline. The frame that has begun gets
// no further one.
func (fr *frameReader) lookAgain() (int, error) {
	if err := fr.bound(time.Now().Add(secondLook)); err != nil {
		return 0, err
	}
	fr.late = true
	return fr.read()
}

// read reads what is there, and waits when that is nothing: without a buffer,
// if that can be, because thousands of connections may wait.
func (fr *frameReader) read() (int, error) {
	if fr.soon != nil {
		if n, err := fr.readWith(fr.soon); n > 0 || err != nil {
			return n, err
		}
	}
	if fr.w == fr.r && fr.ahead != nil {
		fr.close()
		if err := fr.ahead.AwaitRead(); err != nil {
			return 0, err
		}
	}
	return fr.readWith(fr.src.Read)
}

// streamRead is what was read at once where there is likely to be more.
const streamRead = bufferSize / 4

// streams reports whether the peer sends faster than it is read.
func (fr *frameReader) streams() bool { return fr.ahead != nil && fr.last >= streamRead }

// readOn is fill that does not wait, and reports whether there was anything.
func (fr *frameReader) readOn() (bool, error) {
	n, err := fr.readWith(fr.ahead.ReadNow)
	switch {
	case n > 0:
		return true, nil
	case errors.Is(err, os.ErrDeadlineExceeded): // fill knows what that means
		return false, nil
	}
	return false, fr.ended(err)
}

func (fr *frameReader) readWith(read func([]byte) (int, error)) (int, error) {
	if err := fr.makeRoom(); err != nil {
		return 0, err
	}
	n, err := read(fr.buf.data[fr.w:])
	fr.w += n
	if n > 0 {
		fr.last = n
		if fr.heard != nil {
			fr.heard.Store(true)
		}
	}
	return n, err
}

// hurry says that the stream will not end by itself: what is there is read,
// and the end is where nothing has come for a moment. Any goroutine may call
// it.
func (fr *frameReader) hurry() {
	fr.hurried.Store(true)
	_ = fr.src.SetReadDeadline(time.Now().Add(farewell)) // a broken connection ends as well
}

// peek waits for the first frame and returns its body without consuming it:
// until silence for any byte, until limit for the whole frame. It is for the
// handshake only, before the first fill.
func (fr *frameReader) peek(silence, limit time.Time) ([]byte, error) {
	fr.deadline = true
	until := silence
	for {
		r := fr.r
		if fr.buf != nil {
			body, err := fr.scan()
			fr.r = r
			if body != nil || err != nil {
				return body, err
			}
		}
		if fr.w > fr.r {
			until = limit
		}
		if err := fr.makeRoom(); err != nil {
			return nil, err
		}
		if err := fr.src.SetReadDeadline(until); err != nil {
			return nil, err
		}
		select {
		case <-fr.ending: // lobby.hurry may have come before that deadline
			_ = fr.src.SetReadDeadline(time.Unix(1, 0)) // a broken connection ends as well
		default:
		}
		n, err := fr.src.Read(fr.buf.data[fr.w:])
		fr.w += n
		fr.last = n
		if n == 0 && err != nil {
			return nil, err
		}
	}
}

// skip consumes the frame that peek returned.
func (fr *frameReader) skip(body []byte) { fr.r += lengthSize + len(body) }

// makeRoom leaves space behind w: it moves an incomplete frame to a new buffer
// when the old one is full. The new one is as large as what has really arrived
// suggests, not as the length claims.
func (fr *frameReader) makeRoom() error {
	have := fr.w - fr.r
	if have == 0 {
		size := fr.usualSize()
		fits := fr.buf != nil && (len(fr.buf.data) == size || size > largeBuffer && len(fr.buf.data) >= size)
		switch {
		case fits && fr.buf.refs.Load() == 1:
			fr.r, fr.w = 0, 0
		case !fits, len(fr.buf.data)-fr.w < size/4, size > largeBuffer:
			fr.replace(size)
		}
		return nil
	}
	want := 0
	if have >= lengthSize {
		body, err := fr.bodySize()
		if err != nil {
			return err
		}
		want = lengthSize + body
		if body > fr.maxSize {
			want = lengthSize + 1 // the rest is passed over
		}
	}
	// A large frame is moved at once if it does not fit, so that little of it
	// is copied; one that has outgrown its buffer, when that is full.
	free := len(fr.buf.data) - fr.w
	switch fits := fr.r == 0 || fr.r+want <= len(fr.buf.data); {
	case free > 0 && want > bigFrame && fits:
	case free >= bufferSize/4 && want <= bigFrame:
	case want > largeBuffer:
		fr.replace(min(want, max(2*have, largeBuffer, fr.frame)))
	case want > bigFrame:
		fr.replace(largeBuffer)
	default:
		fr.replace(bufferSize)
	}
	return nil
}

// usualSize is the buffer for what comes next, if that is like what came last.
func (fr *frameReader) usualSize() int {
	switch {
	case fr.frame > largeBuffer:
		return fr.frame
	case fr.last <= smallBuffer/2:
		return smallBuffer
	case fr.frame > bigFrame:
		return largeBuffer
	}
	return bufferSize
}

// bigFrame is the size from which on frames are read into large buffers.
const bigFrame = bufferSize / 4

// replace continues in a new buffer with what is not handed out.
func (fr *frameReader) replace(size int) {
	old := fr.buf
	fr.buf = newBuffer(size)
	if old != nil {
		fr.w = copy(fr.buf.data, old.data[fr.r:fr.w])
		old.release(1)
	}
	fr.r = 0
}

// setDeadline bounds the next read: a frame that has begun must end, a peer
// with a heartbeat must say something.
func (fr *frameReader) setDeadline() error {
	if fr.hurried.Load() {
		return fr.bound(time.Now().Add(farewell))
	}
	if fr.within() {
		if fr.began {
			return nil
		}
		fr.began = true
		return fr.bound(time.Now().Add(fr.timeout))
	}
	fr.began = false
	if fr.quiet > 0 {
		return fr.bound(time.Now().Add(fr.quiet))
	}
	if fr.deadline {
		return fr.bound(time.Time{})
	}
	return nil
}

// bound sets the deadline, and does not undo that of a hurry meanwhile.
func (fr *frameReader) bound(until time.Time) error {
	fr.deadline, fr.late = !until.IsZero(), false
	if err := fr.src.SetReadDeadline(until); err != nil || !fr.hurried.Load() {
		return err
	}
	return fr.src.SetReadDeadline(time.Now().Add(farewell))
}

// close lets go of the buffer.
func (fr *frameReader) close() {
	if fr.buf != nil {
		fr.buf.release(1)
		fr.buf, fr.r, fr.w = nil, 0, 0
	}
}
