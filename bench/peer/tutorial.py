"""What tutorials of WeChat's 网页授权 end with: no database, no session, no state that is checked."""

import os
from html import escape
from urllib.parse import urlencode

import requests
from flask import Flask, redirect, request

app = Flask(__name__)
APPID, SECRET = os.environ["APPID"], os.environ["SECRET"]
OPEN, API, SITE = os.environ["OPEN_URL"], os.environ["API_URL"], os.environ["SITE_URL"]


@app.route("/login")
def login():
    query = urlencode({
        "appid": APPID, "redirect_uri": SITE + "/callback", "response_type": "code",
        "scope": "snsapi_userinfo", "state": "STATE",
    })
    return redirect(f"{OPEN}/connect/oauth2/authorize?{query}#wechat_redirect")


@app.route("/callback")
def callback():
    token = requests.get(f"{API}/sns/oauth2/access_token", params={
        "appid": APPID, "secret": SECRET, "code": request.args["code"], "grant_type": "authorization_code",
    }).json()
    answer = requests.get(f"{API}/sns/userinfo", params={
        "access_token": token["access_token"], "openid": token["openid"], "lang": "zh_CN",
    })
    answer.encoding = "utf-8"
    person = answer.json()
    return f"<h1>{escape(person['nickname'])}</h1><p>{escape(person['openid'])}</p>"
