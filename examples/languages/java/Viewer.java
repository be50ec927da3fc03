import com.sun.jna.Library;
import com.sun.jna.Native;
import com.sun.jna.Pointer;
import com.sun.jna.Structure;
import com.sun.jna.ptr.LongByReference;
import com.sun.jna.ptr.PointerByReference;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Map;
import org.msgpack.core.MessagePack;
import org.msgpack.value.ArrayValue;
import org.msgpack.value.Value;
import org.msgpack.value.ValueFactory;

/** A viewer of the progress scenario in Java, through JNA. */
public final class Viewer {
    /** What it needs of libsocket.h, for a machine of 64 bits. */
    public interface Libsocket extends Library {
        int EVENT_MESSAGE = 3;
        int ERROR = 1;
        int CONTROL = 2;

        @Structure.FieldOrder("id")
        class Client extends Structure {
            public long id;

            public static class ByValue extends Client implements Structure.ByValue {}
        }

        int libsocket_client_open(Client client, String transport, String event, String settings,
                int flags, Pointer callback, Pointer user);

        int libsocket_client_receive_packed(PointerByReference block, LongByReference size,
                Client.ByValue client, long max, int timeoutMs);

        int libsocket_client_close(Client.ByValue client);

        String libsocket_last_error();

        void libsocket_free(Pointer block);
    }

    private static final Libsocket LIB = Native.load(
            System.getenv().getOrDefault("LIBSOCKET_LIBRARY", "libsocket.so.0"), Libsocket.class,
            Map.of(Library.OPTION_STRING_ENCODING, "UTF-8"));
    private static final PrintStream OUT = new PrintStream(System.out, true, StandardCharsets.UTF_8);

    private static void check(int status) {
        if (status < 0) {
            System.err.println(LIB.libsocket_last_error());
            System.exit(69);
        }
    }

    /** Waits for the next events: an array of rows. */
    private static ArrayValue receive(Libsocket.Client.ByValue client) throws IOException {
        PointerByReference block = new PointerByReference();
        LongByReference size = new LongByReference();
        check(LIB.libsocket_client_receive_packed(block, size, client, 1, -1));
        byte[] rows = block.getValue().getByteArray(0, (int) size.getValue());
        LIB.libsocket_free(block.getValue());
        try (var unpacker = MessagePack.newDefaultUnpacker(rows)) {
            return unpacker.unpackValue().asArrayValue();
        }
    }

    /** Prints a message; true when it was the last of its run. */
    private static boolean draw(int type, Map<Value, Value> data) {
        if (type == Libsocket.CONTROL) {
            OUT.printf("[%s] done, files: %s%n", "#".repeat(20), get(data, "files"));
            return true;
        }
        String file = get(data, "file").toString();
        if (type == Libsocket.ERROR) {
            OUT.printf("%s: %s%n", file, get(data, "text"));
            return false;
        }
        double percent = get(data, "percent").asNumberValue().toDouble();
        OUT.printf(Locale.ROOT, "[%-20s] %5.1f %% %.8s %s%n", "#".repeat((int) (percent / 5)), percent,
                get(data, "sha256"), file.substring(file.lastIndexOf('/') + 1));
        return false;
    }

    private static Value get(Map<Value, Value> data, String key) {
        return data.getOrDefault(ValueFactory.newString(key), ValueFactory.newNil());
    }

    public static void main(String[] arguments) throws IOException {
        if (arguments.length != 2) {
            System.err.println("usage: viewer unix|tcp RUNS (0: for ever)");
            System.exit(64);
        }
        long runs = Long.parseLong(arguments[1]);
        long seen = 0;
        var client = new Libsocket.Client.ByValue();
        var opened = new Libsocket.Client();
        check(LIB.libsocket_client_open(opened, arguments[0], "progress", "wait_for_server = true",
                0, null, null));
        client.id = opened.id;
        do {
            for (Value each : receive(client)) {
                ArrayValue row = each.asArrayValue();
                if (row.get(0).asIntegerValue().toInt() == Libsocket.EVENT_MESSAGE
                        && draw(row.get(1).asIntegerValue().toInt(), row.get(4).asMapValue().map())) {
                    seen++;
                }
            }
        } while (seen == 0 || seen != runs);
        check(LIB.libsocket_client_close(client));
    }
}
