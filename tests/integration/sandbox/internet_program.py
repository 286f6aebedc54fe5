"""What stands in a test's own network for the internet: says who is there, gives back what it gets, knows a name.

internet_program.py [NAME_SERVER_ADDRESS]"""

import socket
import struct
import sys
import threading

HELLO, ECHO, MAIL, NAMES = 8080, 8081, 25, 53
ANSWER = "203.0.113.10"


def serve(port, answer):
    listener = socket.create_server(("::", port), family=socket.AF_INET6, backlog=64, dualstack_ipv6=True)

    def run():
        while True:
            connection, peer = listener.accept()
            threading.Thread(target=answer, args=(connection, peer), daemon=True).start()

    threading.Thread(target=run, daemon=True).start()


def hello(connection, peer):
    with connection:
        ends = [end[0].removeprefix("::ffff:") for end in (connection.getsockname(), peer)]
        connection.sendall(f"{ends[0]} greets {ends[1]}".encode())


def echo(connection, _):
    with connection:
        while data := connection.recv(65536):
            connection.sendall(data)


def echo_datagrams():
    door = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    door.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    door.bind(("::", ECHO))
    while True:
        data, peer = door.recvfrom(65536)
        door.sendto(data[::-1], peer)


def answer_names(address):
    door = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    door.bind((address, NAMES))
    while True:
        query, peer = door.recvfrom(4096)
        end = query.index(b"\0", 12) + 5
        known = b"\x05there\x04test\0" in query.lower() and query[end - 4:end - 2] == b"\0\x01"
        record = b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04" + socket.inet_aton(ANSWER) if known else b""
        head = query[:2] + struct.pack(">HHHHH", 0x8180 if record else 0x8183, 1, bool(record), 0, 0)
        door.sendto(head + query[12:end] + record, peer)


serve(HELLO, hello)
serve(ECHO, echo)
serve(MAIL, hello)
threading.Thread(target=echo_datagrams, daemon=True).start()
if len(sys.argv) > 1:
    threading.Thread(target=answer_names, args=(sys.argv[1],), daemon=True).start()
print("ready", flush=True)
threading.Event().wait()
