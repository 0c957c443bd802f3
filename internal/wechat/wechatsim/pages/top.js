top.location.href = document.getElementById('onward').href
