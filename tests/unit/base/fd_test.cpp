#include "base/fd.h"

#include <fcntl.h>
#include <gtest/gtest.h>

namespace netkit {
namespace {

bool is_open(int fd) {
  return ::fcntl(fd, F_GETFD) >= 0;
}

TEST(Fd, ClosesWhatItOwns) {
  int number;
  {
    const Fd fd(::open("/dev/null", O_RDONLY));
    number = fd.get();
    EXPECT_TRUE(is_open(number));
  }
  EXPECT_FALSE(is_open(number));
}

TEST(Fd, MovingHandsOwnershipOver) {
  Fd first(::open("/dev/null", O_RDONLY));
  const int number = first.get();
  const Fd second = std::move(first);
  EXPECT_EQ(second.get(), number);
  EXPECT_TRUE(is_open(number));
}

}  // namespace
}  // namespace netkit
