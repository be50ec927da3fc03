// The writer and the reader of libsocket_payload.hpp.
#include <array>
#include <cmath>
#include <string>
#include <vector>

#include "check.h"
#include "libsocket_payload.hpp"

using libsocket::value;
using libsocket::value_kind;
using libsocket::writer;
using namespace std::string_view_literals;

static_assert(!std::is_copy_constructible_v<writer>);
static_assert(std::is_nothrow_move_constructible_v<writer>);
static_assert(std::is_nothrow_move_assignable_v<writer>);

// Everything that can be written, and read back.
static void test_kinds()
{
    const std::string text = "text", key = "text";
    writer w;
    w.map()
        .put("nil", nullptr)
        .put("null", static_cast<const char *>(nullptr))
        .put("yes", true)
        .put("no", false)
        .put("small", 5)
        .put("negative", -40000L)
        .put("huge", UINT64_MAX)
        .put("lowest", INT64_MIN)
        .put("half", 0.5)
        .put("quarter", 0.25f)
        .put(key, text)
        .put("view", "a\0b"sv)
        .put("literal", "über")
        .put_bin("bin", "\xff\0"sv)
        .put_raw("raw", "\x92\x01\x02"sv)
        .put_array("list")
        .add(1)
        .add("two")
        .map()
        .end()
        .end()
        .put_map("nested")
        .put("deep", 7)
        .end()
        .end();
    CHECK(w.status() == LIBSOCKET_WRITER_OK);
    CHECK(libsocket_payload_valid(w.data().data(), w.data().size()));

    const value v(w.data());
    CHECK(v.kind() == value_kind::map && v.size() == 17);
    CHECK(v["nil"].kind() == value_kind::nil && v["nil"]);
    CHECK(v["null"].kind() == value_kind::nil);
    CHECK(v["yes"].value_or(false) && !v["no"].value_or(true));
    CHECK(v["small"].value_or(0) == 5);
    CHECK(v["negative"].value_or(0L) == -40000);
    CHECK(v["huge"].value_or(std::uint64_t{0}) == UINT64_MAX);
    CHECK(v["lowest"].value_or(std::int64_t{0}) == INT64_MIN);
    CHECK(v["half"].value_or(0.0) == 0.5);
    CHECK(v["quarter"].value_or(0.0f) == 0.25f);
    CHECK(v[key].value_or("?") == "text");
    CHECK(v["text"].value_or(std::string("?")) == text);
    CHECK(v["view"].value_or(""sv) == "a\0b"sv);
    CHECK(v["literal"].value_or("") == "über");
    CHECK(v["bin"].kind() == value_kind::binary);
    CHECK(v["bin"].bytes() == "\xff\0"sv);
    CHECK(v["bin"].value_or("not UTF-8") == "not UTF-8");
    CHECK(v["raw"][1].value_or(0) == 2);
    CHECK(v["raw"].encoded() == "\x92\x01\x02"sv);
    CHECK(v["list"].size() == 3 && v["list"][1].value_or("") == "two");
    CHECK(v["list"][2].kind() == value_kind::map);
    CHECK(v.find("nested/deep").value_or(0) == 7);
    CHECK(v.find("list/1").value_or("") == "two");
}

// What is absent, of another kind, or out of the range of the type wanted.
static void test_fallbacks()
{
    writer w;
    w.map()
        .put("text", "five")
        .put("number", 300)
        .put("negative", -1)
        .put("fraction", 1.5)
        .put("whole", 3.0)
        .put("empty", "")
        .end();
    const value v(w.data());
    CHECK(!v["absent"] && v["absent"].kind() == value_kind::none);
    CHECK(v["absent"]["deeper"][3].value_or(9) == 9);
    CHECK(v["text"].value_or(5) == 5);
    CHECK(v["number"].value_or("none") == "none");
    CHECK(v["number"].value_or(std::uint8_t{7}) == 7);
    CHECK(v["number"].value_or(std::int16_t{7}) == 300);
    CHECK(v["negative"].value_or(7u) == 7);
    CHECK(v["negative"].value_or(std::int8_t{7}) == -1);
    CHECK(v["fraction"].value_or(7) == 7);
    CHECK(v["whole"].value_or(7) == 3);
    CHECK(v["number"].value_or(0.0) == 300.0);
    CHECK(v["number"].value_or(true));
    CHECK(v["empty"] && v["empty"].value_or("not empty").empty());
    CHECK(v["number"][0].value_or(4) == 4 && v[0].value_or(4) == 4);
    CHECK(v[-1].value_or(4) == 4);
    CHECK(!value() && !value(""sv) && value().encoded().empty());
    // Bytes that promise more than is there.
    const value cut(w.data().substr(0, w.data().size() - 1));
    CHECK(cut["text"].value_or("absent") == "absent");
    CHECK(cut.encoded().empty());
}

static void test_iteration()
{
    writer w;
    w.map().put("a", 1).put("b", 2).put_array("c").add(3).add(4).end().end();
    std::string keys;
    int sum = 0;
    for (const auto &[key, item] : value(w.data())) {
        keys += key.value_or("?");
        sum += item.value_or(0);
        for (const auto &[none, inner] : item) {
            CHECK(!none);
            sum += inner.value_or(0);
        }
    }
    CHECK(keys == "abc" && sum == 10);
    const value v(w.data());
    CHECK(v["a"].begin() == v["a"].end());
    CHECK(v.begin() != v.end());
    // The last entry is broken: those before it are given.
    const value cut(w.data().substr(0, w.data().size() - 1));
    int whole = 0;
    for (const auto &entry : cut)
        whole += entry.key ? 1 : 0;
    CHECK(whole == 2);
}

// Values far larger than the room that is there at first.
static void test_growth()
{
    for (const std::size_t size : std::array<std::size_t, 6>{0, 1, 255, 256, 70000, 3000000}) {
        const std::string big(size, 'x');
        writer w;
        w.array().add(big).add_bin(big).add_raw("\xc0"sv).end();
        const value v(w.data());
        CHECK(v.size() == 3 && v[0].value_or("") == big && v[1].bytes() == big);
    }
    writer w;
    w.array();
    for (int i = 0; i < 100000; i++)
        w.add(i);
    w.end();
    const value v(w.data());
    CHECK(libsocket_payload_valid(w.data().data(), w.data().size()));
    CHECK(v.size() == 100000 && v[99999].value_or(0) == 99999);
}

static void test_mistakes()
{
    const auto gives_nothing = [](const writer &w, int status) {
        return w.status() == status && w.data().empty() &&
               w.data().data() != nullptr;
    };
    writer unfinished;
    CHECK(gives_nothing(unfinished, LIBSOCKET_WRITER_ORDER));
    unfinished.map();
    CHECK(gives_nothing(unfinished, LIBSOCKET_WRITER_ORDER));
    unfinished.end();
    CHECK(unfinished.data() == "\x80"sv);

    writer keyless;
    keyless.array().put("key", 1).end();
    CHECK(gives_nothing(keyless, LIBSOCKET_WRITER_ORDER));
    writer no_text;
    no_text.add("\xff");
    CHECK(gives_nothing(no_text, LIBSOCKET_WRITER_TEXT));
    no_text.clear();
    no_text.add(1);
    CHECK(no_text.data() == "\x01"sv);
    writer not_raw;
    not_raw.add_raw("\x92\x01"sv);
    CHECK(gives_nothing(not_raw, LIBSOCKET_WRITER_RAW));
    writer deep;
    for (int i = 0; i <= LIBSOCKET_WRITER_DEPTH; i++)
        deep.array();
    CHECK(gives_nothing(deep, LIBSOCKET_WRITER_LIMIT));
    // An empty view has no address.
    writer empty;
    empty.map().put(std::string_view(), std::string_view()).end();
    CHECK(value(empty.data())[""].kind() == value_kind::text);
}

// A move takes the value along, half done as it is, and leaves an empty one.
static void test_moves()
{
    writer from;
    from.map().put("a", 1);
    writer to(std::move(from));
    to.put("b", 2).end();
    CHECK(value(to.data())["b"].value_or(0) == 2);
    from.add("reused"); // NOLINT(bugprone-use-after-move): promised to work
    CHECK(value(from.data()).value_or("") == "reused");
    from = std::move(to);
    CHECK(value(from.data())["a"].value_or(0) == 1);
    writer &same = from;
    from = std::move(same);
    CHECK(value(from.data())["a"].value_or(0) == 1);
}

int main()
{
    RUN(test_kinds);
    RUN(test_fallbacks);
    RUN(test_iteration);
    RUN(test_growth);
    RUN(test_mistakes);
    RUN(test_moves);
    return check_report();
}
