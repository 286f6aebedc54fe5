// What a microVM is started from: its kernel, its initial file system, QEMU's command line. (How it behaves is tested
// by sandbox_test.cc, with CUMULET_TEST_SUBSTRATE=microvm.)
#include "compute/external/microvm.h"

#include <cstring>
#include <fstream>

#include <gmock/gmock.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include "compute/external/cpio.h"
#include "compute/external/guest_kernel.h"
#include "compute/external/machine_protocol.h"
#include "compute/external/unpack.h"
#include "tests/unit/compute/sandbox_fixture.h"

namespace cumulet::compute::external {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;
using ::testing::Not;

std::string gzip(const std::string& text) {
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string packed(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

std::string zstd(const std::string& text) {
  std::string packed(ZSTD_compressBound(text.size()), '\0');
  packed.resize(ZSTD_compress(packed.data(), packed.size(), text.data(), text.size(), 3));
  return packed;
}

std::string xz(const std::string& text) {
  std::string packed(lzma_stream_buffer_bound(text.size()), '\0');
  std::size_t size = 0;
  lzma_easy_buffer_encode(6, LZMA_CHECK_CRC32, nullptr, reinterpret_cast<const std::uint8_t*>(text.data()), text.size(),
                          reinterpret_cast<std::uint8_t*>(packed.data()), &size, packed.size());
  packed.resize(size);
  return packed;
}

void put(std::string& bytes, std::size_t at, std::uint32_t number, std::size_t size) {
  std::memcpy(bytes.data() + at, &number, size);
}

/// A kernel's image with one sector of set-up code, which names the version.
std::string image_of(const std::string& payload) {
  std::string image(1024, '\0');
  put(image, 0x1f1, 1, 1);
  std::memcpy(image.data() + 0x202, "HdrS", 4);
  put(image, 0x20e, 0x100, 2);
  std::strcpy(image.data() + 0x300, "6.1.0-test-amd64 (someone@somewhere) #1");
  put(image, 0x248, 16, 4);
  put(image, 0x24c, static_cast<std::uint32_t>(payload.size()), 4);
  return image + std::string(16, 'x') + payload + "what follows";
}

std::string elf() {
  std::string kernel(
      "\x7f"
      "ELF");
  for (int i = 0; i < 500'000; ++i) kernel += static_cast<char>(i % 251);
  return kernel;
}

TEST(GuestKernelTest, ImagesAreUnpackedWhateverPackedThem) {
  const std::string kernel = elf();
  const std::string size_of_it(4, '\1');  // which the build puts behind the packed kernel
  for (const std::string& packed : {gzip(kernel), zstd(kernel), xz(kernel)}) {
    const Result<std::string> unpacked = unpack_kernel(image_of(packed + size_of_it));
    ASSERT_TRUE(unpacked.ok()) << unpacked.error().message();
    EXPECT_EQ(*unpacked, kernel);
  }
  EXPECT_EQ(*unpack_kernel(kernel), kernel);
}

TEST(GuestKernelTest, DamageIsNoticed) {
  const std::string packed = xz(elf());
  EXPECT_FALSE(unpack_kernel("").ok());
  EXPECT_FALSE(unpack_kernel(std::string(4096, 'x')).ok());
  EXPECT_FALSE(unpack_kernel(image_of(gzip("no kernel"))).ok());
  for (const std::string& whole : {gzip(elf()), zstd(elf()), packed}) {
    EXPECT_FALSE(unpack(whole.substr(0, whole.size() / 2)).ok());
    std::string damaged = whole;
    damaged.replace(damaged.size() / 2, 8, "damaged!");
    const Result<std::string> result = unpack(damaged);
    EXPECT_TRUE(!result.ok() || *result != elf());
  }
  const std::string image = image_of(packed);
  EXPECT_FALSE(unpack_kernel(std::string_view(image).substr(0, image.size() / 2)).ok());
}

TEST(GuestKernelTest, VersionIsReadFromImagesAndKernels) {
  EXPECT_EQ(kernel_version(image_of("")), "6.1.0-test-amd64");
  EXPECT_EQ(kernel_version(elf() + "Linux version 6.12.1 (someone@somewhere)"), "6.12.1");
  EXPECT_EQ(kernel_version("Linux version 6.12.1 "), "");
  EXPECT_EQ(kernel_version(""), "");
}

class GuestModulesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    kernel_.version = "6.1.0-test-amd64";
    kernel_.modules = scratch_.path() / "lib/modules/6.1.0-test-amd64";
    add("drivers/virtio/virtio_ring.ko", "");
    add("drivers/virtio/virtio.ko", "virtio_ring");
    add("drivers/virtio/virtio_mmio.ko.xz", "virtio,virtio_ring");
    add("drivers/char/virtio_console.ko", "virtio");
    add("drivers/net/virtio-net.ko.zst", "virtio");
    add("net/9p/9pnet_virtio.ko", "9pnet,virtio");
    add("net/9p/9pnet.ko", "");
    add("fs/unused.ko", "missing");
    std::ofstream(kernel_.modules / "modules.builtin") << "kernel/fs/9p/9p.ko\n";
  }

  void add(const std::string& path, const std::string& needs) {
    const fs::path file = kernel_.modules / "kernel" / path;
    fs::create_directories(file.parent_path());
    std::string module = std::string(
                             "\x7f"
                             "ELF") +
                         '\0' + "license=GPL" + '\0' + "depends=" + needs + '\0' + "name=x";
    if (path.ends_with(".xz")) module = xz(module);
    if (path.ends_with(".zst")) module = zstd(module);
    std::ofstream(file, std::ios::binary) << module;
  }

  std::vector<std::string> names() {
    std::vector<std::string> names;
    const auto modules = read_modules(kernel_);
    if (!modules.ok()) return {modules.error().message()};
    for (const auto& [name, content] : *modules) {
      EXPECT_TRUE(
          content.starts_with("\x7f"
                              "ELF"))
          << name;
      names.push_back(name);
    }
    return names;
  }

  ScratchDirectory scratch_;
  GuestKernel kernel_;
};

TEST_F(GuestModulesTest, EachComesAfterWhatItNeedsAndWhatIsBuiltInIsLeftOut) {
  EXPECT_THAT(names(), ElementsAre("virtio_ring", "virtio", "virtio_mmio", "virtio_console", "virtio_net", "9pnet",
                                   "9pnet_virtio"));
}

TEST_F(GuestModulesTest, AMissingOneIsNamed) {
  fs::remove(kernel_.modules / "kernel/net/9p/9pnet.ko");
  EXPECT_THAT(names(), ElementsAre("the kernel 6.1.0-test-amd64 has no module 9pnet"));
}

TEST_F(GuestModulesTest, AConfiguredKernelHasItsModulesBesideIt) {
  fs::create_directories(scratch_.path() / "boot");
  const fs::path image = scratch_.path() / "boot/vmlinuz";
  std::ofstream(image, std::ios::binary) << image_of("");
  const Result<GuestKernel> found = find_guest_kernel(image);
  ASSERT_TRUE(found.ok()) << found.error().message();
  EXPECT_EQ(found->modules, kernel_.modules);
  std::ofstream(image, std::ios::binary) << "no kernel";
  EXPECT_THAT(find_guest_kernel(image).error().message(), HasSubstr("is no kernel"));
  EXPECT_THAT(find_guest_kernel("/no/such/kernel").error().message(), HasSubstr("cannot read"));
}

TEST(CpioTest, EntriesHaveHeadersAndAreAligned) {
  CpioWriter writer;
  writer.add_folder("dev");
  writer.add_character_device("dev/console", 5, 1);
  writer.add_file("init", "12345", true);
  const std::string archive = writer.finish();
  EXPECT_EQ(archive.size() % 4, 0u);
  const auto number = [&archive](std::size_t header, std::size_t field) {
    return std::stoul(archive.substr(header + 6 + 8 * field, 8), nullptr, 16);
  };
  std::vector<std::string> names;
  for (std::size_t at = 0; at < archive.size();) {
    ASSERT_EQ(archive.substr(at, 6), "070701");
    const std::size_t size = number(at, 6);
    const std::string name = archive.c_str() + at + 110;
    EXPECT_EQ(number(at, 11), name.size() + 1);
    names.push_back(name);
    const std::size_t content = (at + 110 + name.size() + 1 + 3) / 4 * 4;
    if (name == "dev") EXPECT_EQ(number(at, 1), 0040755u);
    if (name == "init") {
      EXPECT_EQ(number(at, 1), 0100755u);
      EXPECT_EQ(archive.substr(content, size), "12345");
    }
    if (name == "dev/console") {
      EXPECT_EQ(number(at, 1), 0020600u);
      EXPECT_EQ(number(at, 9), 5u);
      EXPECT_EQ(number(at, 10), 1u);
    }
    at = (content + size + 3) / 4 * 4;
  }
  EXPECT_THAT(names, ElementsAre("dev", "dev/console", "init", "TRAILER!!!"));
}

TEST(MicrovmTest, CommandGivesTheMachineWhatTheFunctionHas) {
  SandboxSpec spec;
  spec.memory_mib = 3008;
  spec.ephemeral_mib = 1024;
  spec.cpus = 1.7;
  const std::vector<std::string> emulated = machine_command("/usr/bin/qemu", spec, Accelerator::kEmulation, 2'500'000);
  EXPECT_EQ(emulated.front(), "/usr/bin/qemu");
  EXPECT_THAT(emulated, Contains(HasSubstr("tsc_early_khz=2500000 ")));
  EXPECT_THAT(emulated, IsSupersetOf({"microvm,acpi=on,memory-backend=memory", "max", "2,maxcpus=2"}));
  EXPECT_GT(machine_memory_mib(spec), 3008u + 1024u);
  EXPECT_THAT(emulated, Contains(std::to_string(machine_memory_mib(spec)) + "M"));
  const std::vector<std::string> accelerated = machine_command("/usr/bin/qemu", spec, Accelerator::kKvm, 0);
  EXPECT_THAT(accelerated, IsSupersetOf({"kvm", "host"}));
  EXPECT_THAT(accelerated, Not(Contains(HasSubstr("mitigations=off"))));
  spec.cpus = 0.07;
  EXPECT_THAT(machine_command("q", spec, Accelerator::kKvm, 0), Contains("1,maxcpus=2"));
}

TEST(MicrovmTest, OrderCarriesAllThatIsToBeRun) {
  SandboxSpec spec;
  spec.command = {"/bin/program", "argument"};
  spec.environment = {{"NAME", "value"}};
  spec.listen_ports = {9001, 4566};
  const Result<std::string> order = machine_order(spec);
  ASSERT_TRUE(order.ok());
  MachineOrder head;
  ASSERT_GT(order->size(), sizeof head);
  std::memcpy(&head, order->data(), sizeof head);
  EXPECT_EQ(order->substr(sizeof head), std::string("/var/task\0/bin/program\0argument\0NAME=value\0", 43));
  EXPECT_EQ(head.bytes, 43u);
  EXPECT_EQ(head.arguments, 2u);
  EXPECT_EQ(head.variables, 1u);
  EXPECT_EQ(head.ports[1], 4566u);
  EXPECT_EQ(head.open_network, 0u);
  spec.environment.emplace_back("LARGE", std::string(300'000, 'x'));
  EXPECT_THAT(machine_order(spec).error().message(), HasSubstr("too much"));
}

}  // namespace
}  // namespace cumulet::compute::external
