package socket

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"io"
	"time"
	"unicode"
	"unicode/utf8"
)

// A secret is a token that a server and its clients share. It is never sent:
// on a loopback port any user of the machine may be listening. Each end proves
// instead that it knows it, by a code over two numbers of which the other end
// has chosen one:
//
//	client  hello      nonce
//	server  challenge  nonce of its own
//	client  proof      of the client
//	server  proof      of the server
//
// The client is first to prove it, so that who merely connects is given
// nothing that a token could be tried against at leisure.
type secret []byte

// Format keeps the token out of whatever is printed.
func (secret) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[token]") }

// What a token may be. The least length keeps out what a person could guess.
const (
	minToken = 16
	maxToken = 1024
)

// token reads what both ends have to know, nil when there is nothing. No error
// says anything of it.
func (s *Settings) token(t Transport) (secret, error) {
	if t != TCP || s.TCP.TokenFile == "" {
		return nil, nil
	}
	f := trustedFile{key: "token_file", path: s.TCP.TokenFile, secret: true}
	content, err := f.read()
	if err != nil {
		return nil, err
	}
	line := bytes.TrimRight(content, "\r\n")
	switch {
	case len(line) < minToken || len(line) > maxToken:
		return nil, fail(ErrSettings, "%s: must hold one line of %d to %d bytes", f, minToken, maxToken)
	case !utf8.Valid(line) || bytes.ContainsFunc(line, unicode.IsControl):
		return nil, fail(ErrSettings, "%s: must hold one line of UTF-8 text without control characters", f)
	}
	return line, nil
}

// nonceSize is the size of a nonce and of a proof.
const nonceSize = sha256.Size

func newNonce() []byte {
	nonce := make([]byte, nonceSize)
	rand.Read(nonce) // never fails
	return nonce
}

// The two ends prove different things, so that none can hand back what the
// other said.
const (
	clientProof = "libsocket client"
	serverProof = "libsocket server"
)

// proof is what shows that its author, an end of the connection with these
// nonces, knows the token.
func (t secret) proof(of string, client, server []byte) []byte {
	code := hmac.New(sha256.New, t)
	code.Write([]byte(of))
	code.Write(client)
	code.Write(server)
	return code.Sum(nil)
}

// proved compares in a time that does not depend on where they differ.
func (t secret) proved(proof []byte, of string, client, server []byte) bool {
	return subtle.ConstantTimeCompare(proof, t.proof(of, client, server)) == 1
}

// refusalDelay is how long who proved something wrong waits for the answer.
const refusalDelay = 200 * time.Millisecond

// demandToken lets only a client pass that proves it knows the server's token,
// if it has one, and then proves the same to it. hello is the first frame.
func (c *conn) demandToken(hello *control, until time.Time) error {
	s := c.server
	if s.token == nil {
		return nil
	}
	t := s.token.get(s.logger)
	if hello.nonce == nil {
		return fail(ErrNotAllowed, "the server asks for a token, and the client has none: set token_file")
	}
	nonce := newNonce()
	c.raw.SetWriteDeadline(until)
	defer c.raw.SetWriteDeadline(time.Time{})
	challenge := control{kind: controlChallenge, nonce: nonce}
	if _, err := c.raw.Write(challenge.appendFrame(nil)); err != nil {
		return err
	}
	answer, err := c.intake.frames.next(controlProof, until)
	if err != nil {
		return err
	}
	if !t.proved(answer.proof, clientProof, hello.nonce, nonce) {
		s.pause(refusalDelay)
		return fail(ErrNotAllowed, "the client's token is not that of the server (token_file)")
	}
	proof := control{kind: controlProof, proof: t.proof(serverProof, hello.nonce, nonce)}
	_, err = c.raw.Write(proof.appendFrame(nil))
	return err
}

// prove proves to a server that has been sent a hello with the nonce that we
// know its token, and has it prove the same.
func (t secret) prove(nonce []byte, raw *rawConn, frames *frameReader, until time.Time) error {
	challenge, err := frames.next(controlChallenge, until)
	if err != nil {
		return err
	}
	answer := control{kind: controlProof, proof: t.proof(clientProof, nonce, challenge.nonce)}
	if _, err := raw.Write(answer.appendFrame(nil)); err != nil && !peerGone(err) {
		return err
	}
	proof, err := frames.next(controlProof, until)
	if err != nil {
		return err
	}
	if !t.proved(proof.proof, serverProof, nonce, challenge.nonce) {
		return fail(ErrNotAllowed, "the server does not know the token (token_file): it is another one than it seems")
	}
	return nil
}

// next reads the control frame of that kind that must come next in a
// handshake.
func (fr *frameReader) next(kind controlKind, until time.Time) (*control, error) {
	body, err := fr.peek(until, until)
	if err != nil {
		return nil, err
	}
	var env envelope
	var ctl control
	isControl, err := parseBody(body, &env, &ctl, nil)
	switch {
	case err != nil:
		return nil, err
	case isControl && ctl.kind == controlGoodbye:
		return nil, &goodbyeError{ctl.reason, ctl.text}
	case !isControl || ctl.kind != kind:
		return nil, fail(ErrNotAllowed, "the other end sent no %s, which a token asks for (token_file): it may have none, or be an old one", kind)
	}
	fr.skip(body)
	return &ctl, nil
}
