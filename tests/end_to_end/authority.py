"""A certificate authority of the tests' own: the program openssl, and files."""
import subprocess
from collections import namedtuple

Certificate = namedtuple("Certificate", "file key")

CONFIGURATION = """
[ca]
default_ca = test
[test]
database = {0}/index.txt
serial = {0}/serial
new_certs_dir = {0}
default_md = sha256
policy = any
unique_subject = no
default_crl_days = 30
[any]
commonName = optional
[req]
distinguished_name = empty
[empty]
"""


class Authority:
    def __init__(self, directory, name="Test CA", issuer=None):
        self.directory = directory
        directory.mkdir()
        self.configuration = directory / "openssl.cnf"
        self.configuration.write_text(CONFIGURATION.format(directory))
        (directory / "index.txt").write_text("")
        (directory / "serial").write_text("1000\n")
        self.file, self.key, self.crl = (
            directory / name for name in ("ca.crt", "ca.key", "revoked.pem")
        )
        if issuer:
            extensions = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign"
            self.file, self.key = issuer.issue(name, extensions)
            return self.revoke()
        self._run(
            *("req", "-x509", *self._new_key(self.key), "-subj", f"/CN={name}", "-days", "30"),
            *("-addext", "keyUsage=critical,keyCertSign,cRLSign", "-out", self.file),
        )
        self.revoke()

    def _run(self, *arguments):
        command = ["openssl", *(str(argument) for argument in arguments)]
        subprocess.run(command, check=True, capture_output=True, cwd=self.directory, timeout=20)

    def _new_key(self, key):
        curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
        return ("-config", self.configuration, *curve, "-nodes", "-keyout", key)

    def issue(self, name, extensions="basicConstraints=CA:FALSE", days=30, file_name=None):
        """A certificate with this common name."""
        base = file_name or name
        request, file, key = (self.directory / f"{base}.{end}" for end in ("csr", "crt", "key"))
        self._run("req", *self._new_key(key), "-subj", f"/CN={name}", "-out", request)
        (self.directory / "extensions").write_text(extensions)
        self._run(
            *("ca", "-batch", "-config", self.configuration, "-days", days, "-notext"),
            *("-cert", self.file, "-keyfile", self.key, "-extfile", "extensions"),
            *("-in", request, "-out", file),
        )
        return Certificate(file, key)

    def revoke(self, *certificates):
        """These as well; the file self.crl is replaced."""
        authority = ("-config", self.configuration, "-cert", self.file, "-keyfile", self.key)
        for certificate in certificates:
            self._run("ca", "-batch", *authority, "-revoke", certificate.file)
        fresh = self.directory / "revoked.new"
        self._run("ca", "-batch", *authority, "-gencrl", "-out", fresh)
        fresh.rename(self.crl)
