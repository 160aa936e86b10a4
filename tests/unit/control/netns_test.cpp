#include "control/netns.h"

#include <gtest/gtest.h>

#include "device/device.h"
#include "device/namespace.h"

namespace netkit::control {
namespace {

class Netns : public testing::Test {
 protected:
  [[nodiscard]] std::vector<std::string> names() {
    std::vector<std::string> names;
    for (const device::NamespaceRef& netns : list_namespaces(client_)) names.push_back(netns->name());
    return names;
  }

  device::Network network_;
  System system_{network_};
  Client client_{system_, nullptr};
};

TEST_F(Netns, a_new_one_has_its_lo_and_is_listed) {
  const auto pod = add_namespace(client_, "pod");
  ASSERT_TRUE(pod);
  const device::Rtnl rtnl = network_.lock();
  ASSERT_EQ((*pod)->devices(rtnl).size(), 1U);
  EXPECT_EQ((*pod)->devices(rtnl).front()->name(), "lo");
}

TEST_F(Netns, a_taken_name_is_EEXIST) {
  ASSERT_TRUE(add_namespace(client_, "pod"));
  EXPECT_EQ(add_namespace(client_, "pod").error().code, EEXIST);
  EXPECT_EQ(names(), std::vector<std::string>{"pod"});
}

TEST_F(Netns, what_is_no_file_name_is_refused) {
  for (const std::string& name : {std::string(), std::string("."), std::string(".."), std::string("a/b")})
    EXPECT_EQ(add_namespace(client_, name).error().code, EINVAL) << name;
  EXPECT_EQ(add_namespace(client_, std::string(256, 'n')).error().code, ENAMETOOLONG);
}

TEST_F(Netns, removing_one_frees_its_name) {
  const auto pod = add_namespace(client_, "pod");
  ASSERT_TRUE(remove_namespace(client_, *pod));
  EXPECT_EQ(remove_namespace(client_, *pod).error().code, ENOENT);
  EXPECT_TRUE(add_namespace(client_, "pod"));
}

TEST_F(Netns, nobody_removes_the_namespace_it_is_in) {
  const auto pod = add_namespace(client_, "pod");
  client_.enter(*pod);
  EXPECT_EQ(remove_namespace(client_, *pod).error().code, EBUSY);
}

TEST_F(Netns, without_capability_nothing_is_made_or_removed) {
  const auto pod = add_namespace(client_, "pod");
  Client stranger(system_, nullptr, {.uid = 1000, .privileged = false});
  EXPECT_EQ(add_namespace(stranger, "other").error().code, EPERM);
  EXPECT_EQ(remove_namespace(stranger, *pod).error().code, EPERM);
  EXPECT_EQ(names(), std::vector<std::string>{"pod"});
}

TEST_F(Netns, an_engine_of_this_process_makes_none_in_the_kernel) {
  EXPECT_EQ(add_namespace(client_, "pod", Home::kKernel).error().code, EOPNOTSUPP);
}

}  // namespace
}  // namespace netkit::control
