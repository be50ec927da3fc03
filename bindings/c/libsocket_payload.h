/*
 * libsocket_payload.h - building and reading the data of a message in C.
 *
 * The data of a message is one MessagePack value, most often a map with text
 * keys. This header writes such a value into a buffer of the caller and reads
 * one where it lies. It allocates nothing and needs nothing but the standard
 * headers and the three files beside it, so that the four can be copied into
 * any program. C99 and C++.
 *
 *   unsigned char buffer[128];
 *   libsocket_writer w;
 *   libsocket_writer_init(&w, buffer, sizeof buffer);
 *   libsocket_write_map(&w);
 *   libsocket_put_str(&w, "step", "hashing");
 *   libsocket_put_double(&w, "progress", 33.3);
 *   libsocket_write_end(&w);
 *   ... buffer, libsocket_writer_size(&w) ...
 *
 *   char step[32];
 *   libsocket_value data = libsocket_payload(event->data, event->data_size);
 *   libsocket_get_str(data, "step", step, sizeof step, "");
 *   double progress = libsocket_get_double(data, "progress", 0);
 *
 * WRITER
 *   Nothing is counted in advance: a map or array is begun, filled and ended,
 *   and gets its smallest form then. The first mistake is kept and everything
 *   after it ignored, so one look at the end is enough, and a value that did
 *   not come out right has the size 0. What the writer gives is always one
 *   complete value that every receiver accepts.
 *
 * READER
 *   Any bytes may be read: no function looks beyond the size given, calls
 *   itself, or opens more than LIBSOCKET_PAYLOAD_DEPTH nested containers. What
 *   is absent, malformed or of another kind gives the fallback, so lookups can
 *   be chained without a check between them. Values point into the bytes they
 *   were read from. The data of an event has been checked throughout by the
 *   library; libsocket_payload_valid() does the same for other bytes. A lookup
 *   and a step of the iterator read over whole values: a program that goes down
 *   into data of strangers by itself bounds how deep.
 *
 * Names that end in an underscore are internal.
 */
#ifndef LIBSOCKET_PAYLOAD_H
#define LIBSOCKET_PAYLOAD_H

#include "libsocket_payload_reader.h"
#include "libsocket_payload_writer.h"

#endif
