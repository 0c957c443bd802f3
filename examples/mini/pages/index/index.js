const { request, signOut } = require('../../wxlogin.js')

Page({
  data: { person: null, failure: '', nickname: '', picture: '' },

  onLoad() {
    return this.show(() => request('/api/me'))
  },

  // The form's own ways to a picture and a name (头像昵称填写能力).
  onChooseAvatar(e) {
    this.setData({ picture: e.detail.avatarUrl })
  },

  onNickname(e) {
    this.setData({ nickname: e.detail.value })
  },

  onSave() {
    const profile = {}
    if (this.data.nickname) {
      profile.nickname = this.data.nickname
    }
    if (this.data.picture) {
      profile.picture = wx.getFileSystemManager().readFileSync(this.data.picture, 'base64')
    }
    return this.show(() => request('/api/me/profile', 'PUT', profile))
  },

  onSignOut() {
    return this.show(async () => {
      await signOut()
      return null
    })
  },

  async show(get) {
    try {
      this.setData({ person: await get(), failure: '' })
    } catch (error) {
      this.setData({ failure: error.message })
    }
  },
})
