# The machine "virt", and devices that its users plug in.  For
# --without-default-devices: what is neither named here nor selected by
# something that is, is not built.  configs/qemu.toml says how to have all.

CONFIG_ARM_VIRT=y
CONFIG_MALI_CSF=y
# Of those that are for tests alone, mali-csf-bench and the ones named below
CONFIG_TEST_DEVICES=y
CONFIG_MALI_CSF_BENCH=y

# Buses
CONFIG_PCIE_PORT=y
CONFIG_PCI_BRIDGE=y
CONFIG_PCIE_PCI_BRIDGE=y
CONFIG_VIRTIO_PCI=y
CONFIG_USB_XHCI_PCI=y
CONFIG_USB_HUB=y

# Disks
CONFIG_VIRTIO_BLK=y
CONFIG_VIRTIO_SCSI=y
CONFIG_NVME_PCI=y
CONFIG_AHCI_ICH9=y
CONFIG_USB_STORAGE_BOT=y
CONFIG_USB_STORAGE_CLASSIC=y
CONFIG_USB_STORAGE_UAS=y
CONFIG_SDHCI_PCI=y

# Folders of the host; the second is for virtiofsd
CONFIG_VIRTIO_9P=y
CONFIG_VHOST_USER_FS=y

# Network
CONFIG_VIRTIO_NET=y
CONFIG_E1000_PCI=y
CONFIG_E1000E_PCI_EXPRESS=y

# Display, input, sound
CONFIG_VIRTIO_GPU=y
CONFIG_BOCHS_DISPLAY=y
CONFIG_VGA_PCI=y
CONFIG_VIRTIO_INPUT=y
CONFIG_USB_HID=y
CONFIG_HDA=y

# The rest of virtio, and what tests of a kernel use
CONFIG_VIRTIO_BALLOON=y
CONFIG_VIRTIO_CRYPTO=y
CONFIG_VIRTIO_IOMMU=y
CONFIG_VIRTIO_MEM=y
CONFIG_VIRTIO_RNG=y
CONFIG_VIRTIO_SERIAL=y
CONFIG_NVDIMM=y
# -device loader and guest-loader
CONFIG_GENERIC_LOADER=y
CONFIG_GUEST_LOADER=y
CONFIG_PVPANIC_PCI=y
CONFIG_EDU=y
CONFIG_PCI_TESTDEV=y
