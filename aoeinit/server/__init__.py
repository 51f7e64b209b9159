"""The other side of a diskless machine, as text: exports, DHCP and iPXE."""
