//! A viewer of the progress scenario in Rust. What it needs of libsocket.h is
//! declared by hand in `ffi`; bindgen makes the same of the whole header.
use rmpv::Value;
use std::ffi::{CStr, CString};
use std::io::Write;
use std::{env, process, ptr, slice};

mod ffi {
    use std::ffi::{c_char, c_int, c_void};

    pub const EVENT_MESSAGE: u32 = 3;
    pub const ERROR: u32 = 1;
    pub const CONTROL: u32 = 2;

    #[repr(C)]
    #[derive(Clone, Copy, Default)]
    pub struct Client {
        pub id: u64,
    }

    #[repr(C)]
    pub struct Event {
        pub kind: u32,
        pub type_: u32,
        pub reason: u32,
        pub flags: u32,
        pub level: i32,
        pub reserved0: u32,
        pub timestamp_ms: i64,
        pub seq: u64,
        pub count: u64,
        pub client: u64,
        pub event_name: *const c_char,
        pub timestamp_iso: *const c_char,
        pub address: *const c_char,
        pub text: *const c_char,
        pub data: *const c_void,
        pub data_size: usize,
        pub reserved: [u64; 2],
    }

    pub type Callback = Option<extern "C" fn(*const Event, usize, *mut c_void)>;

    #[link(name = "socket")]
    extern "C" {
        pub fn libsocket_client_open(
            client: *mut Client,
            transport: *const c_char,
            event: *const c_char,
            settings: *const c_char,
            flags: u32,
            callback: Callback,
            user: *mut c_void,
        ) -> c_int;
        pub fn libsocket_client_receive(
            events: *mut *mut Event,
            count: *mut usize,
            client: Client,
            max: usize,
            timeout_ms: c_int,
        ) -> c_int;
        pub fn libsocket_client_close(client: Client) -> c_int;
        pub fn libsocket_last_error() -> *const c_char;
        pub fn libsocket_free(block: *mut c_void);
    }
}

/// The text of the last error of this thread, if `status` is one.
fn check(status: i32) -> Result<(), String> {
    if status >= 0 {
        return Ok(());
    }
    // SAFETY: it is text that ends in NUL, until the next call.
    let text = unsafe { CStr::from_ptr(ffi::libsocket_last_error()) };
    Err(text.to_string_lossy().into_owned())
}

/// A client that closes itself.
struct Client(ffi::Client);

impl Client {
    fn open(transport: &str, event: &str, settings: &str) -> Result<Self, String> {
        let text = |s| CString::new(s).map_err(|e: std::ffi::NulError| e.to_string());
        let (transport, event, settings) = (text(transport)?, text(event)?, text(settings)?);
        let mut client = ffi::Client::default();
        // SAFETY: the texts live until it returns, and there is no callback.
        check(unsafe {
            ffi::libsocket_client_open(
                &mut client,
                transport.as_ptr(),
                event.as_ptr(),
                settings.as_ptr(),
                0,
                None,
                ptr::null_mut(),
            )
        })?;
        Ok(Client(client))
    }

    /// Waits for events and hands each message, its type and data, to `take`.
    fn receive(&self, mut take: impl FnMut(u32, &[u8])) -> Result<(), String> {
        let (mut events, mut count) = (ptr::null_mut(), 0);
        // SAFETY: on success there are `count` events in a block that is ours.
        unsafe {
            check(ffi::libsocket_client_receive(&mut events, &mut count, self.0, 1, -1))?;
            for event in slice::from_raw_parts(events, count) {
                if event.kind == ffi::EVENT_MESSAGE {
                    take(event.type_, slice::from_raw_parts(event.data.cast(), event.data_size));
                }
            }
            ffi::libsocket_free(events.cast());
        }
        Ok(())
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // SAFETY: any handle may be closed, even twice.
        unsafe { ffi::libsocket_client_close(self.0) };
    }
}

/// Prints a message; true when it was the last of its run.
fn draw(type_: u32, mut data: &[u8]) -> bool {
    let data = rmpv::decode::read_value(&mut data).unwrap_or(Value::Nil);
    let text = |key: &str| data[key].as_str().unwrap_or("?").to_owned();
    match type_ {
        ffi::CONTROL => {
            println!("[{:#<20}] done, files: {}", "", data["files"].as_i64().unwrap_or(0));
            return true;
        }
        ffi::ERROR => println!("{}: {}", text("file"), text("text")),
        _ => {
            let percent = data["percent"].as_f64().unwrap_or(0.0);
            let bar = "#".repeat((percent / 5.0) as usize);
            let file = text("file");
            let name = file.rsplit('/').next().unwrap_or("?");
            println!("[{bar:20}] {percent:5.1} % {:.8} {name}", text("sha256"));
        }
    }
    false
}

fn run(transport: &str, runs: u64) -> Result<(), String> {
    let client = Client::open(transport, "progress", "wait_for_server = true")?;
    let mut seen = 0;
    while seen == 0 || seen != runs {
        client.receive(|type_, data| seen += u64::from(draw(type_, data)))?;
        std::io::stdout().flush().map_err(|e| e.to_string())?;
    }
    Ok(())
}

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [transport, runs] = &arguments[..] else {
        eprintln!("usage: viewer unix|tcp RUNS (0: for ever)");
        process::exit(64);
    };
    if let Err(text) = run(transport, runs.parse().unwrap_or(0)) {
        eprintln!("{text}");
        process::exit(69);
    }
}
