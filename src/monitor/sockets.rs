//! What the TCP sockets of this network namespace have moved, from the kernel itself
//! (`sock_diag(7)`): the counters in `/proc/PID/io` miss whatever a program reads with `recv`.
//!
//! Needs no privilege. Sockets of other namespaces and UDP are not seen here.

use std::collections::HashMap;
use std::io;
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::netlink::{SOCK_DIAG, SocketAddrNetlink};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, sendto, socket_with, sockopt,
};

/// `SOCK_DIAG_BY_FAMILY`: type of the request, and of each answer.
const BY_FAMILY: u16 = 20;
/// `NLM_F_REQUEST | NLM_F_DUMP`.
const DUMP: u16 = 0x301;
/// `NLMSG_ERROR`, `NLMSG_DONE`.
const ERROR: u16 = 2;
const DONE: u16 = 3;
/// `INET_DIAG_INFO`: the attribute that holds a `tcp_info`, and its bit in a request.
const INFO: u16 = 2;
/// `TCP_ESTABLISHED`.
const ESTABLISHED: u8 = 1;
/// Sizes of `nlmsghdr` and `inet_diag_msg`, offsets in them and in `tcp_info`; all from the kernel's ABI.
const HEADER: usize = 16;
const MESSAGE: usize = 72;
const COOKIE: usize = 44;
const INODE: usize = 68;
const BYTES_ACKED: usize = 120;
const BYTES_RECEIVED: usize = 128;

/// One TCP socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Socket {
    /// Tells sockets with the same inode number apart.
    pub cookie: u64,
    /// Whether it is connected.
    pub established: bool,
    /// Bytes acknowledged by the other side and received from it; `None` when an old kernel does not tell.
    pub moved: Option<u64>,
}

/// All TCP sockets of this network namespace, IPv4 and IPv6, by inode.
pub fn tcp() -> io::Result<HashMap<u64, Socket>> {
    let flags = SocketFlags::CLOEXEC;
    let socket = socket_with(AddressFamily::NETLINK, SocketType::DGRAM, flags, Some(SOCK_DIAG))?;
    // The kernel answers at once; nobody waits for one that does not.
    sockopt::set_socket_timeout(&socket, sockopt::Timeout::Recv, Some(Duration::from_secs(1)))?;
    let mut found = HashMap::new();
    let mut buffer = vec![0; 64 * 1024];
    for family in [AddressFamily::INET, AddressFamily::INET6] {
        sendto(&socket, &request(family), SendFlags::empty(), &SocketAddrNetlink::new(0, 0))?;
        loop {
            let (_, length) = recv(&socket, buffer.as_mut_slice(), RecvFlags::empty())?;
            if !read(&buffer[..length], &mut found)? {
                break;
            }
        }
    }
    Ok(found)
}

/// `nlmsghdr` and `inet_diag_req_v2`: all states, with counters.
fn request(family: AddressFamily) -> [u8; HEADER + 56] {
    const TCP: u8 = 6;
    let mut message = [0; HEADER + 56];
    message[..4].copy_from_slice(&((HEADER + 56) as u32).to_ne_bytes());
    message[4..6].copy_from_slice(&BY_FAMILY.to_ne_bytes());
    message[6..8].copy_from_slice(&DUMP.to_ne_bytes());
    message[HEADER] = family.as_raw() as u8;
    message[HEADER + 1] = TCP;
    message[HEADER + 2] = 1 << (INFO - 1);
    message[HEADER + 4..HEADER + 8].copy_from_slice(&u32::MAX.to_ne_bytes());
    message
}

/// Takes one datagram; `false` after the last.
fn read(mut datagram: &[u8], found: &mut HashMap<u64, Socket>) -> io::Result<bool> {
    while let (Some(length), Some(kind)) = (u32_at(datagram, 0), u16_at(datagram, 4)) {
        let Some(message) = datagram.get(HEADER..length as usize) else { return Err(Errno::PROTO.into()) };
        match kind {
            DONE => return Ok(false),
            ERROR => return Err(io::Error::from_raw_os_error(u32_at(message, 0).map_or(0, |e| -(e as i32)))),
            BY_FAMILY => found.extend(socket(message)),
            _ => {}
        }
        datagram = datagram.get(align(length as usize)..).unwrap_or_default();
    }
    Ok(true)
}

fn socket(message: &[u8]) -> Option<(u64, Socket)> {
    let inode = u64::from(u32_at(message, INODE)?);
    let established = *message.get(1)? == ESTABLISHED;
    let cookie = u64_at(message, COOKIE)?;
    let mut moved = None;
    let mut attributes = message.get(MESSAGE..)?;
    while let (Some(length), Some(kind)) = (u16_at(attributes, 0), u16_at(attributes, 2)) {
        let length = usize::from(length);
        if kind == INFO
            && let Some(info) = attributes.get(4..length)
            && let (Some(acked), Some(received)) = (u64_at(info, BYTES_ACKED), u64_at(info, BYTES_RECEIVED))
        {
            moved = Some(acked.saturating_add(received));
        }
        attributes = attributes.get(align(length.max(4))..).unwrap_or_default();
    }
    Some((inode, Socket { cookie, established, moved }))
}

/// Messages and attributes begin at multiples of four.
fn align(length: usize) -> usize {
    length.next_multiple_of(4).max(4)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_ne_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsRawFd;

    fn inode(stream: &TcpStream) -> u64 {
        let link = std::fs::read_link(format!("/proc/self/fd/{}", stream.as_raw_fd())).unwrap();
        let text = link.to_str().unwrap().to_owned();
        text.trim_start_matches("socket:[").trim_end_matches(']').parse().unwrap()
    }

    fn exchange(address: &str) {
        let listener = TcpListener::bind(address).unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        let before = tcp().unwrap()[&inode(&client)];
        assert!(before.established);
        // `recv` on the other side: nothing of this shows in /proc/PID/io.
        server.write_all(&[0; 5000]).unwrap();
        client.read_exact(&mut [0; 5000]).unwrap();
        let after = tcp().unwrap()[&inode(&client)];
        assert_eq!(after.cookie, before.cookie);
        assert_eq!(after.moved.unwrap() - before.moved.unwrap(), 5000);
    }

    #[test]
    fn what_a_connection_moved_is_counted() {
        exchange("127.0.0.1:0");
        if TcpListener::bind("[::1]:0").is_ok() {
            exchange("[::1]:0");
        }
    }

    proptest! {
        #[test]
        fn no_answer_is_too_strange(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = read(&bytes, &mut HashMap::new());
            let mut sized = bytes.clone();
            if sized.len() >= HEADER {
                let length = sized.len() as u32;
                sized[..4].copy_from_slice(&length.to_ne_bytes());
                sized[4..6].copy_from_slice(&BY_FAMILY.to_ne_bytes());
                let _ = read(&sized, &mut HashMap::new());
            }
        }
    }
}
