mod testbed;
mod testbed_works;
