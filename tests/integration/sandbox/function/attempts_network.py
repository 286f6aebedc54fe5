"""Whom a function can reach: its own loopback, on which the platform listens, and nobody else."""

import fcntl
import os
import socket
import struct

IN, STREAM, RAW = socket.AF_INET, socket.SOCK_STREAM, socket.SOCK_RAW


def connect(host, port, family=IN):
    with socket.socket(family, STREAM) as s:
        s.settimeout(2)
        s.connect((host, port))
        return s.getpeername()


def send(host, port):
    with socket.socket(IN, socket.SOCK_DGRAM) as s:
        return s.sendto(b"x", (host, port))


def abstract(name):
    with socket.socket(socket.AF_UNIX, STREAM) as s:
        s.connect("\0" + name)
        return "connected"


def resolve(name):
    try:
        return socket.getaddrinfo(name, 80)
    except socket.gaierror as error:
        raise OSError(101, str(error))


def request_of_netlink(kind, body):
    """Sends one request with NLM_F_REQUEST|NLM_F_ACK|NLM_F_CREATE and gives what the kernel says."""
    with socket.socket(socket.AF_NETLINK, RAW, 0) as s:
        s.bind((0, 0))
        s.send(struct.pack("=IHHII", 16 + len(body), kind, 0x405, 1, 0) + body)
        answer = s.recv(4096)
        code = struct.unpack_from("=i", answer, 16)[0]
        if code < 0:
            raise OSError(-code, "netlink")
        return code


def raise_interface():
    with socket.socket(IN, socket.SOCK_DGRAM) as s:
        fcntl.ioctl(s, 0x8914, struct.pack("16sH14x", b"lo", 0x1001))


def bind(port):
    with socket.socket(IN, STREAM) as s:
        s.bind(("0.0.0.0", port))


def steal(port):
    with socket.socket(IN, STREAM) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("127.0.0.1", port))


def attempts(event):
    found = {f"connect {host}:{port}": lambda host=host, port=port: connect(host, port)
             for host in ("169.254.169.254", "169.254.170.2", "10.0.0.1", "172.17.0.1", "192.168.0.1", "100.64.0.1",
                          "1.1.1.1", "224.0.0.1", *event["addresses"]) for port in (80, event["port"])}
    found |= {f"send {host}": lambda host=host: send(host, 53) for host in ("8.8.8.8", "10.0.0.2", "255.255.255.255")}
    found |= {f"abstract {name!r}": lambda name=name: abstract(name) for name in event["abstract"]}
    found |= {
        "the server's port": lambda: connect("127.0.0.1", event["port"]),
        "the server's port, v6": lambda: connect("::1", event["port"], socket.AF_INET6),
        "the server's port, mapped": lambda: connect("::ffff:127.0.0.1", event["port"], socket.AF_INET6),
        "the internet, v6": lambda: connect("2606:4700:4700::1111", 80, socket.AF_INET6),
        "metadata, v6": lambda: connect("fd00:ec2::254", 80, socket.AF_INET6),
        "a name": lambda: resolve("example.com"),
        "the metadata's name": lambda: resolve("metadata.google.internal"),
        "interfaces besides lo": lambda: [name for _, name in socket.if_nameindex() if name != "lo"] or fail(19),
        "raw socket": lambda: socket.socket(IN, RAW, socket.IPPROTO_ICMP),
        "raw socket, v6": lambda: socket.socket(socket.AF_INET6, RAW, socket.IPPROTO_ICMPV6),
        "ping socket": lambda: socket.socket(IN, socket.SOCK_DGRAM, socket.IPPROTO_ICMP),
        "packet socket": lambda: socket.socket(socket.AF_PACKET, RAW, 0x300),
        "virtual machine socket": lambda: socket.socket(40, STREAM),
        "crypto socket": lambda: socket.socket(38, socket.SOCK_SEQPACKET),
        "bluetooth socket": lambda: socket.socket(31, RAW, 1),
        "can socket": lambda: socket.socket(29, RAW, 1),
        "tipc socket": lambda: socket.socket(30, STREAM),
        "rds socket": lambda: socket.socket(21, socket.SOCK_SEQPACKET),
        "xdp socket": lambda: socket.socket(44, RAW),
        "kernel events": lambda: socket.socket(socket.AF_NETLINK, RAW, 15),
        "audit": lambda: socket.socket(socket.AF_NETLINK, RAW, 9),
        "packet filter": lambda: socket.socket(socket.AF_NETLINK, RAW, 12),
        "socket diagnosis": lambda: socket.socket(socket.AF_NETLINK, RAW, 4),
        "new interface": lambda: request_of_netlink(16, struct.pack("=BxHiII", 0, 0, 0, 0, 0) +
                                                    struct.pack("=HH8s", 12, 3, b"dummy0\0\0")),
        "new address": lambda: request_of_netlink(20, struct.pack("=BBBBI", 2, 24, 0, 0, 1) +
                                                  struct.pack("=HH4s", 8, 2, bytes([10, 0, 0, 9]))),
        "new route": lambda: request_of_netlink(24, struct.pack("=BBBBBBBBI", 2, 0, 0, 0, 254, 3, 0, 1, 0) +
                                                struct.pack("=HHI", 8, 4, 1)),
        "interface flags": raise_interface,
        "low port": lambda: bind(80),
        "the runtime's port": lambda: bind(9001),
        "the runtime's port, shared": lambda: steal(9001),
        "the platform's port, shared": lambda: steal(4566),
    }
    return found


def fail(code):
    raise OSError(code, os.strerror(code))
