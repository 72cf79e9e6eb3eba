#!/usr/bin/env python3
"""A proxy that speaks TLS and passes on what it hears to a port of this machine, as one stands before a node.

Usage: proxy.py PORT FOLDER

Its certificate is for `localhost` alone, by an authority that it makes and writes to FOLDER/ca.pem; FOLDER/other.pem
is another authority. It prints the port that it listens on, and ends with its standard input.
"""

import datetime
import os
import socket
import ssl
import sys
import threading

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


def certificate(name, key, by, by_key, extensions):
    """A certificate of this key for a day."""
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = (
        x509.CertificateBuilder()
        .subject_name(named(name))
        .issuer_name(named(by))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.sign(by_key, hashes.SHA256())


def named(name):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def authority(name, path):
    key = ec.generate_private_key(ec.SECP256R1())
    made = certificate(name, key, name, key, [(x509.BasicConstraints(ca=True, path_length=0), True)])
    write(path, made.public_bytes(serialization.Encoding.PEM))
    return key


def write(path, content):
    with open(path, "wb") as file:
        file.write(content)


def context(folder):
    by_key = authority("a test's authority", f"{folder}/ca.pem")
    authority("another authority", f"{folder}/other.pem")
    key = ec.generate_private_key(ec.SECP256R1())
    extensions = [
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (x509.SubjectAlternativeName([x509.DNSName("localhost")]), False),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
    ]
    made = certificate("a proxy", key, "a test's authority", by_key, extensions)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    chain = f"{folder}/proxy.pem"
    write(chain, made.public_bytes(serialization.Encoding.PEM) + private)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(chain)
    return server


def carry(source, target):
    """Passes bytes on until one side ends."""
    try:
        while piece := source.recv(65536):
            target.sendall(piece)
    except OSError:
        pass
    for end in (source, target):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def serve(client, server, port):
    try:
        client = server.wrap_socket(client, server_side=True)
    except (ssl.SSLError, OSError):
        # A client that does not believe the certificate ends it here.
        client.close()
        return
    node = socket.create_connection(("127.0.0.1", port))
    threading.Thread(target=carry, args=(node, client), daemon=True).start()
    carry(client, node)


def accept(listener, server, port):
    while True:
        client, _ = listener.accept()
        threading.Thread(target=serve, args=(client, server, port), daemon=True).start()


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    port, folder = int(sys.argv[1]), sys.argv[2]
    server = context(folder)
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=accept, args=(listener, server, port), daemon=True).start()
    print(listener.getsockname()[1], flush=True)
    sys.stdin.buffer.read()
    # Threads may be in the middle of something.
    os._exit(0)


if __name__ == "__main__":
    main()
