"""A fleet in one file, in its parts."""

HEAD = """\
interface = "br0"
server = "10.11.0.1/16"
range = "10.11.0.100-10.11.0.199"
"""
GOLDEN = """\

[golden.debian]
target = "e10.0"
device = "/dev/vg/debian"
"""
CLIENT = """\

[[client]]
name = "hyperion"
mac = "52:54:00:11:00:01"
target = "e11.0"
device = "/dev/vg/hyperion"
"""
SECOND = CLIENT.replace("hyperion", "rhea").replace(":01", ":02").replace("e11.0", "e11.1")
SHARING = """\

[[client]]
name = "dione"
mac = ["52:54:00:11:00:03", "52:54:00:11:00:04"]
golden = "debian"
address = "10.11.1.7"
"""
ALL = HEAD + GOLDEN + CLIENT + SECOND + SHARING
