App({
  globalData: {
    wxlogin: 'https://h5.example.com', // WXLOGIN_PUBLIC_URL
    account: 'app', // its name in WXLOGIN_ACCOUNTS
  },
})
